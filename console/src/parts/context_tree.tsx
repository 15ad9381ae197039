// A context as a tree, with what the last event did to it.

import { type Branch, countChanges, diffContext } from '../json/diff.ts';
import { isObject, type Json, JsonNumber, writeJson } from '../json/parse.ts';

const SIGNS = { same: '', added: '+', removed: '−', changed: '~', inside: '' };
const WORDS = { same: '', added: 'added', removed: 'removed', changed: 'changed', inside: '' };

export function ContextTree({ before, after }: { before: Json | null; after: Json }) {
  const branches = diffContext(before, after);
  if (branches.length === 0) return <p class="muted">The context is empty.</p>;
  const changes = before === null ? 0 : countChanges(branches);
  return (
    <>
      <Branches branches={branches} />
      {before !== null && (
        <p class="muted small">
          {changes === 0
            ? 'This step changed nothing here.'
            : `${changes} ${changes === 1 ? 'value' : 'values'} changed by this step.`}
        </p>
      )}
    </>
  );
}

function Branches({ branches }: { branches: Branch[] }) {
  return (
    <ul class="tree">
      {branches.map((branch) => (
        <li key={branch.name} class={branch.change}>
          <span class="tree-sign" aria-hidden="true">
            {SIGNS[branch.change]}
          </span>
          <div>
            <span class="tree-name">{branch.name}</span>
            {branch.children.length > 0 && branch.change !== 'changed' ? (
              <details open>
                <summary>
                  <span class="muted">{size(branch.value)}</span>
                  {branch.change !== 'same' && <span class="sr-only">{WORDS[branch.change]}</span>}
                </summary>
                <Branches branches={branch.children} />
              </details>
            ) : (
              <span class="tree-value">
                {branch.change === 'changed' && (
                  <>
                    <del>{writeJson(branch.before ?? null)}</del>
                    <span class="muted" aria-hidden="true">
                      {' → '}
                    </span>
                  </>
                )}
                <Value value={branch.value} gone={branch.change === 'removed'} />
                {WORDS[branch.change] !== '' && (
                  <span class="sr-only"> {WORDS[branch.change]}</span>
                )}
              </span>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}

function Value({ value, gone }: { value: Json; gone: boolean }) {
  const kind = value instanceof JsonNumber ? 'number' : value === null ? 'null' : typeof value;
  const text = writeJson(value);
  return gone ? <del>{text}</del> : <span class={`json-${kind}`}>{text}</span>;
}

function size(value: Json): string {
  if (Array.isArray(value)) return `[${value.length}]`;
  return isObject(value) ? `{${Object.keys(value).length}}` : '';
}
