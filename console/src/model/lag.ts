// How far behind the log a stream is. Notifications carry no time, but an offset: from samples of
// the log's end (GET /v1/stats) follows when the log had reached it.

interface Sample {
  at: number; // ms
  head: number;
}

const SAMPLES_MAX = 120;

export class Lag {
  private samples: Sample[] = [];
  private seconds = 0;

  /** The lag of the last notification, in seconds; 0 when it was newer than any sample. */
  get value(): number {
    return this.seconds;
  }

  sample(head: number, now: number): void {
    this.samples.push({ at: now, head });
    if (this.samples.length > SAMPLES_MAX) this.samples.shift();
  }

  /** The notification at `offset` has arrived at `now`. */
  arrived(offset: number, now: number): void {
    // The first sample whose head has the offset: it was there by then at the latest.
    const there = this.samples.find((sample) => sample.head >= offset);
    this.seconds = there === undefined ? 0 : Math.max(0, (now - there.at) / 1000);
  }

  clear(): void {
    this.samples = [];
    this.seconds = 0;
  }
}
