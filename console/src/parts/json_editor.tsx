// A field for JSON with line numbers, and a mark where something is wrong.

import { useEffect, useId, useRef } from 'preact/hooks';
import type { Fault } from '../json/positions.ts';

interface Props {
  label: string;
  value: string;
  onInput: (text: string) => void;
  fault: Fault | null;
  message: string;
  rows: number;
  /** Changes when the fault should be scrolled to: the server has answered. */
  reveal?: number;
}

export function JsonEditor({ label, value, onInput, fault, message, rows, reveal }: Props) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const back = useRef<HTMLDivElement>(null);
  const lines = value.split('\n').length;
  const follow = () => {
    const field = area.current as HTMLTextAreaElement;
    (back.current as HTMLDivElement).style.transform = `translateY(${-field.scrollTop}px)`;
  };
  // Only when it is asked for
  useEffect(() => {
    if (!reveal || fault === null) return;
    const field = area.current as HTMLTextAreaElement;
    const lineHeight = field.scrollHeight / Math.max(lines, rows);
    field.scrollTop = Math.max(0, (fault.line - 3) * lineHeight);
    field.focus();
    field.setSelectionRange(fault.start, fault.end);
    follow();
  }, [reveal]);
  return (
    <div class={`field json-editor ${fault ? 'faulty' : ''}`}>
      <label for={id}>{label}</label>
      <div class="json-area">
        <div class="json-back" ref={back} aria-hidden="true">
          <pre class="json-lines">
            {Array.from({ length: lines }, (_, index) => (
              <span key={index} class={fault?.line === index + 1 ? 'faulty' : ''}>
                {index + 1}
                {'\n'}
              </span>
            ))}
          </pre>
          <pre class="json-mark">
            {fault && (
              <>
                {value.slice(0, fault.start)}
                <mark>{value.slice(fault.start, Math.max(fault.end, fault.start + 1)) || ' '}</mark>
              </>
            )}
          </pre>
        </div>
        <textarea
          id={id}
          ref={area}
          rows={rows}
          wrap="off"
          spellcheck={false}
          autocomplete="off"
          aria-invalid={fault !== null}
          aria-describedby={`${id}-fault`}
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
          onScroll={follow}
        />
      </div>
      <p class="json-fault" id={`${id}-fault`} role="status">
        {fault && (
          <>
            <strong>
              Line {fault.line}, column {fault.column}
            </strong>
            {`: ${message}`}
          </>
        )}
      </p>
    </div>
  );
}
