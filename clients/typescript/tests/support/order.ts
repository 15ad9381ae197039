import type { MachineDefinition } from '@rstmdb/client';

/** created -PAY-> paid -SHIP-> shipped -DELIVER-> delivered, and a NOTE that changes no state. */
export const ORDER: MachineDefinition = {
  states: ['created', 'paid', 'shipped', 'delivered'],
  initial: 'created',
  transitions: [
    { from: 'created', event: 'PAY', to: 'paid' },
    { from: 'paid', event: 'SHIP', to: 'shipped' },
    { from: 'shipped', event: 'DELIVER', to: 'delivered' },
    { from: ['created', 'paid'], event: 'NOTE', to: 'created' },
    { from: 'shipped', event: 'GUARDED', to: 'delivered', guard: 'ctx.ok == true' },
  ],
};
