/** Draws each server's progress live: a block of lines per server on a terminal, a line per event elsewhere. */
import type { CloudEvent } from './cloud-client.ts';

type Row = {
  title: string;
  state: 'running' | 'waiting' | 'ended' | 'failed';
  startedAt: number;
  seconds?: number;
  detail: string;
};

/** The timeline of one server, built only from its events. */
export class ServerTimeline {
  readonly name: string;
  readonly rows: Row[] = [];
  #firstAt: number | undefined;
  #progress: { at: number; bytes: number } | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Processes one event and returns its log line, if any. */
  add(reported: CloudEvent): string | undefined {
    // Reduces a machine's text to one line without control characters that a terminal would execute.
    const event = { ...reported, message: reported.message.replace(/[\p{Cc}\s]+/gu, ' ') };
    const at = Date.parse(event.at);
    this.#firstAt ??= at;
    const prefix = `${this.name.padEnd(8)} ${((at - this.#firstAt) / 1000).toFixed(1).padStart(6)} s  `;
    const line = event.kind === 'step' ? this.#addStep(event, at) : this.#addSign(event, at);
    return line && prefix + line;
  }

  /** A row for the phase that Ingot cannot see: the boot of the installed system. */
  begin(title: string): void {
    this.rows.push({ title, state: 'waiting', startedAt: Date.now(), detail: 'for SSH' });
  }

  finish(): void {
    const row = this.rows.at(-1);
    if (row) Object.assign(row, { state: 'ended', seconds: (Date.now() - row.startedAt) / 1000 });
  }

  #addStep(event: CloudEvent, at: number): string {
    const status = String(event.data['status']);
    const title = String(event.data['title'] ?? event.subject);
    if (status === 'started') {
      this.#progress = undefined;
      this.rows.push({ title, state: 'running', startedAt: at, detail: '' });
      return `${title} …`;
    }
    const row = this.rows.findLast((candidate) => candidate.title === title);
    if (status === 'waiting') {
      if (row) Object.assign(row, { state: 'waiting', detail: event.message.replace(/^.*?: /, '') });
      return event.message;
    }
    if (row)
      Object.assign(row, {
        state: status,
        seconds: (at - row.startedAt) / 1000,
        detail: status === 'failed' ? event.message : row.detail,
      });
    const seconds = ((event.duration_ms ?? 0) / 1000).toFixed(1);
    return status === 'failed' ? event.message : `${title}: done in ${seconds} s`;
  }

  /** All events between the steps are shown in the running step's line. */
  #addSign(event: CloudEvent, at: number): string | undefined {
    const row = this.rows.at(-1);
    const text = event.subject === 'progress' ? this.#progressText(event, at) : event.message;
    if (row && row.state !== 'ended' && event.kind !== 'operation') row.detail = text;
    const isLogged = event.kind === 'operation' || event.kind === 'agent' || event.kind === 'http' || event.kind === 'note';
    return isLogged ? text : undefined;
  }

  #progressText(event: CloudEvent, at: number): string {
    const { done_bytes, total_bytes } = event.data as { done_bytes: number; total_bytes: number };
    const before = this.#progress;
    this.#progress = { at, bytes: done_bytes };
    const rate =
      before && at > before.at ? ` at ${(((done_bytes - before.bytes) / (at - before.at)) * 1e-3).toFixed(1)} MB/s` : '';
    return `${megabytes(done_bytes)} of ${megabytes(total_bytes)} MB${rate}`;
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

const marks: Readonly<Record<Row['state'], string>> = { running: '▶', waiting: '…', ended: '✔', failed: '✘' };

/** One server's block: its steps with their times; if there are many, the last ones. */
export function renderBlock(timeline: ServerTimeline, now: number, size: { rows: number; columns: number }): string[] {
  const shown = timeline.rows.slice(-size.rows);
  return [
    `── ${timeline.name} `.padEnd(Math.min(size.columns, 78), '─'),
    ...shown.map((row) => {
      const seconds = row.seconds ?? (now - row.startedAt) / 1000;
      const detail = row.state === 'ended' ? '' : row.detail;
      return `${marks[row.state]} ${row.title.padEnd(32)} ${seconds.toFixed(1).padStart(6)} s  ${detail}`.slice(
        0,
        size.columns - 1,
      );
    }),
  ];
}

const refreshMs = 250;

/** Shows the timelines on a stream until stopped. */
export class TimelineView {
  readonly #timelines: readonly ServerTimeline[];
  readonly #out: NodeJS.WriteStream;
  #drawn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(timelines: readonly ServerTimeline[], out: NodeJS.WriteStream) {
    this.#timelines = timelines;
    this.#out = out;
    if (out.isTTY) this.#timer = setInterval(() => this.#draw(), refreshMs);
  }

  add(timeline: ServerTimeline, event: CloudEvent): void {
    const line = timeline.add(event);
    if (!this.#out.isTTY && line) this.#out.write(`${line}\n`);
  }

  stop(): void {
    clearInterval(this.#timer);
    if (this.#out.isTTY) this.#draw();
  }

  #draw(): void {
    const columns = this.#out.columns ?? 80;
    const rows = Math.max(4, Math.floor((this.#out.rows ?? 40) / this.#timelines.length) - 2);
    const lines = this.#timelines.flatMap((timeline) => renderBlock(timeline, Date.now(), { rows, columns }));
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    this.#out.write(`${up + lines.map((line) => `\x1b[2K${line}\n`).join('')}\x1b[0J`);
    this.#drawn = lines.length;
  }
}
