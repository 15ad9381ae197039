// The text form of server-sent events, read as it arrives. EventSource cannot send an Authorization
// header, so the stream is read with fetch and parsed here.

export interface SseEvent {
  id: string | null;
  event: string;
  data: string;
}

export class SseParser {
  private rest = '';
  private id: string | null = null;
  private event = '';
  private data: string[] = [];
  private seen = 0; // of `rest`: so much has no line break
  /** What the server asks to wait before the next attempt, in ms. */
  retry: number | null = null;

  /** The events that are complete with this piece of the stream. */
  push(piece: string): SseEvent[] {
    const text = this.rest + piece;
    const events: SseEvent[] = [];
    let start = 0;
    for (;;) {
      const end = text.indexOf('\n', Math.max(start, this.seen));
      this.seen = 0;
      if (end < 0) break;
      this.line(text.slice(start, text[end - 1] === '\r' ? end - 1 : end), events);
      start = end + 1;
    }
    this.rest = text.slice(start);
    this.seen = this.rest.length;
    return events;
  }

  private line(line: string, events: SseEvent[]): void {
    if (line === '') {
      if (this.data.length > 0) {
        events.push({ id: this.id, event: this.event || 'message', data: this.data.join('\n') });
      }
      this.event = '';
      this.data = [];
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment: the heartbeat
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') this.data.push(value);
    else if (field === 'event') this.event = value;
    else if (field === 'id') this.id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
  }
}
