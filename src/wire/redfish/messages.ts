/** `@Message.ExtendedInfo` of a service, in errors, tasks and successful responses. DSP0266 "Error responses". */
import type { Json, Resource } from './redfish-client.ts';

export type Message = {
  readonly id: string;
  /** Message and resolution. */
  readonly text: string;
  readonly severity: 'ok' | 'warning' | 'critical' | 'unknown';
};

const key = '@Message.ExtendedInfo';
const mostMessages = 20;
const longestText = 500;

/** Messages of an error body. Accepts an object instead of the array, and one beside `error` (old services). */
export function errorMessages(body: Resource): Message[] {
  const error = isObject(body['error']) ? body['error'] : {};
  const listed = [...readMessages(error[key]), ...readMessages(body[key])];
  if (listed.some(({ text }) => text !== '')) return listed;
  const general = readMessages({ MessageId: error['code'] ?? '', Message: error['message'] ?? '' });
  return general.length > 0 ? general : listed;
}

/**
 * Problems in a successful response: annotations of properties that were not applied, messages beside them, and an
 * `error` with status 200, which iLO fills with `Success` and old iDRACs with real errors.
 */
export function complaints(body: Resource, properties: readonly string[]): Message[] {
  const annotated = properties.flatMap((name) => readMessages(body[`${name}${key}`]));
  const general = readMessages(body[key]).filter(({ id }) => /\.(Property|Action|Resource|Restricted)\w+$/.test(id));
  const error = isObject(body['error']) ? readMessages(body['error'][key]) : [];
  return [...annotated, ...general, ...error].filter(isComplaint);
}

function isComplaint({ id, severity }: Message): boolean {
  return (severity === 'critical' || severity === 'warning') && !/Success|ResetRequired/.test(id);
}

/** A plain-text error from the web server or a proxy in front of the service. */
export function plainMessage(body: string): Message[] {
  return readMessages({ Message: body });
}

/** Messages of a Task, or of any array or object of messages. */
export function readMessages(value: Json | undefined): Message[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter(isObject).map(readMessage).filter(isInformative).slice(0, mostMessages);
}

function readMessage(entry: Resource): Message {
  const resolution = text(entry['Resolution']);
  const words = [text(entry['Message']), /^none\.?$/i.test(resolution) ? '' : resolution];
  return {
    id: text(entry['MessageId']),
    text: words.filter((part) => part !== '').join(' '),
    severity: severityOf(text(entry['MessageSeverity'] ?? entry['Severity']).toLowerCase()),
  };
}

const severityTable: Readonly<Record<string, Message['severity']>> = { ok: 'ok', warning: 'warning', critical: 'critical' };

function severityOf(word: string): Message['severity'] {
  return (Object.hasOwn(severityTable, word) ? severityTable[word] : undefined) ?? 'unknown';
}

function isInformative(message: Message): boolean {
  return message.text !== '' || message.id !== '';
}

function text(value: Json | undefined): string {
  if (typeof value !== 'string') return '';
  return value
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, longestText);
}

export function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
