// Operations and parameters by their names on the wire to methods of the client, and what those
// give back to the names of the wire.

export function camel(object) {
  return rename(object, (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()));
}

export function snake(object) {
  return rename(object, (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

function rename(object, change) {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [change(name), value]),
  );
}

function summaryOf({ instanceId, ...rest }) {
  return { id: instanceId, ...snake(rest) };
}

function itemOf({ status, result, error }, errorOf) {
  return status === 'ok'
    ? { status, result: snake(result) }
    : { status, error: errorOf(error) };
}

/** {operation: (client, params) => promise of the result}; `errorOf` writes an error of a batch. */
export function methodsOf(errorOf) {
  return {
    PING: async (client) => {
      await client.ping();
      return { pong: true };
    },
    INFO: async (client) => snake(await client.info()),
    PUT_MACHINE: async (client, { machine, version, definition, ...options }) =>
      snake(await client.putMachine(machine, version, definition, options)),
    GET_MACHINE: async (client, { machine, version }) =>
      snake(await client.getMachine(machine, version)),
    LIST_MACHINES: async (client, params) => snake(await client.listMachines(params)),
    CREATE_INSTANCE: async (client, { machine, version, ...options }) =>
      snake(await client.createInstance(machine, version, camel(options))),
    GET_INSTANCE: async (client, { instance_id }) => {
      const instance = snake(await client.getInstance(instance_id));
      return { ...instance, id: instance.instance_id };
    },
    LIST_INSTANCES: async (client, params) => {
      const page = await client.listInstances(params);
      return { ...snake(page), instances: page.instances.map(summaryOf) };
    },
    COUNT_INSTANCES: async (client, { machine, ...options }) =>
      snake(await client.countInstances(machine, options)),
    GET_HISTORY: async (client, { instance_id, ...options }) => {
      const page = await client.getHistory(instance_id, camel(options));
      return { ...snake(page), events: page.events.map(snake) };
    },
    APPLY_EVENT: async (client, { instance_id, event, ...options }) =>
      snake(await client.applyEvent(instance_id, event, camel(options))),
    DELETE_INSTANCE: async (client, { instance_id, ...options }) =>
      snake(await client.deleteInstance(instance_id, camel(options))),
    BATCH: async (client, { ops, ...options }) => {
      const batch = ops.map(({ op, params }) => ({ op, params: camel(params) }));
      const done = await client.batch(batch, options);
      return { ...snake(done), results: done.results.map((item) => itemOf(item, errorOf)) };
    },
    FLUSH_ALL: async (client) => snake(await client.flushAll()),
    WAL_READ: async (client, { from_offset, ...options }) =>
      snake(await client.walRead(BigInt(from_offset), options)),
    WAL_STATS: async (client) => {
      const stats = await client.walStats();
      return { ...snake(stats), io_stats: snake(stats.ioStats) };
    },
    SNAPSHOT_INSTANCE: async (client, { instance_id }) =>
      snake(await client.snapshotInstance(instance_id)),
    COMPACT: async (client, params) => snake(await client.compact(camel(params))),
  };
}
