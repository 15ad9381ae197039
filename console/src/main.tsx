import './style/base.css';
import './style/parts.css';
import './style/screens.css';
import './style/diagram.css';
import { render } from 'preact';
import { signIn } from './api/client.ts';
import { listenToKeys } from './keys.ts';
import { Empty } from './parts/states.tsx';
import { route } from './route.ts';
import { InstanceScreen } from './screens/instance.tsx';
import { InstancesScreen } from './screens/instances.tsx';
import { MachineScreen } from './screens/machine.tsx';
import { MachinesScreen } from './screens/machines.tsx';
import { RegisterScreen } from './screens/register.tsx';
import { Shell } from './screens/shell.tsx';
import { SignIn } from './screens/sign_in.tsx';
import { StreamScreen } from './screens/stream.tsx';

function whole(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

function Screen() {
  const { parts, query } = route.value;
  const [place = 'machines', name] = parts;
  switch (place) {
    case 'machines':
      return name === undefined ? (
        <MachinesScreen query={query} />
      ) : (
        <MachineScreen name={name} version={whole(query.version)} />
      );
    case 'register':
      return <RegisterScreen machine={query.machine ?? ''} />;
    case 'instances':
      return name === undefined ? (
        <InstancesScreen query={query} />
      ) : (
        <InstanceScreen key={name} id={name} at={whole(query.at)} />
      );
    case 'stream':
      return <StreamScreen query={query} />;
    default:
      return (
        <Empty title="There is no such page">
          <a href="#/machines">Machines</a>
        </Empty>
      );
  }
}

function App() {
  const { parts } = route.value;
  document.title = `${parts.length > 0 ? parts.join(' / ') : 'machines'} · rstmdb`;
  const place = parts[0] === 'register' ? 'machines' : (parts[0] ?? 'machines');
  return (
    <Shell place={place}>
      {signIn.value.wanted ? (
        <SignIn />
      ) : (
        <main id="main" tabIndex={-1}>
          <Screen />
        </main>
      )}
    </Shell>
  );
}

listenToKeys();
render(<App />, document.getElementById('app') as HTMLElement);
