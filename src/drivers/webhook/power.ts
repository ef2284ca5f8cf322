import { Fault } from '#domain/faults.ts';
import { exchange, HttpError } from '#wire/http/http-exchange.ts';
import type { CallOptions, FaultTable, PowerInterface } from '../interfaces.ts';
import { matches } from './match.ts';
import { readWebhookSettings, type WebhookSettings, webhookProperties } from './properties.ts';

const faultTable: FaultTable = { silent: 'bmcUnreachable', untrusted: 'bmcUntrusted', unfit: 'bmcMalformedReply' };

/** Name of the device in faults. */
const device = 'web service';

/** A state needs only a few words; a longer response is an error. */
const mostBytes = 64 * 1024;
/** Timeout of a regular expression in milliseconds. */
const matchTimeout = 50;
/** Characters of a response that a fault quotes. */
const shown = 200;

/** The service may switch a power cord, and power supplies keep an idle machine running for a second or two. */
const pauseSeconds = 5;

export const webhookPower: PowerInterface = {
  properties: webhookProperties,
  targets: ['power on', 'power off'],
  pauseSeconds,
  validate: (node) => void readWebhookSettings(node),
  async getPower(node, callOptions = {}) {
    const settings = readWebhookSettings(node);
    const answer = await ask(settings, { url: settings.urls.query, method: settings.methods.query }, callOptions);
    for (const state of ['on', 'off'] as const) {
      const matched = matches(settings.patterns[state], answer, matchTimeout);
      if (matched) return `power ${state}`;
      if (matched === undefined)
        throw settingFault(settings, `power_${state}_regex took more than ${matchTimeout} ms on its answer`);
    }
    throw settingFault(settings, `'${quote(answer, settings)}', which neither power_on_regex nor power_off_regex fits`);
  },
  async setPower(node, target, callOptions = {}) {
    const settings = readWebhookSettings(node);
    if (target !== 'power on' && target !== 'power off') throw new Fault('internal', { detail: `${target} has no URL` });
    const url = target === 'power on' ? settings.urls.on : settings.urls.off;
    await ask(settings, { url, method: settings.methods.command }, callOptions);
  },
};

type Call = { readonly url: URL; readonly method: string };

/** @returns the body of a successful response */
async function ask(settings: WebhookSettings, { url, method }: Call, { signal }: CallOptions): Promise<string> {
  const { headers, trust, timeout } = settings;
  const fields = { device, address: url.host, command: `${method} ${pathOf(url, settings)}`, attempts: 1 };
  const begun = performance.now();
  const reply = await exchange({ method, url, headers, trust, timeout, mostBytes, signal }).catch((error: unknown) => {
    if (!(error instanceof HttpError)) throw error;
    throw new Fault(faultTable[error.failure] ?? 'internal', {
      ...fields,
      seconds: Math.max(1, Math.round((performance.now() - begun) / 1000)),
      detail: error.message,
    });
  });
  const { status, text } = reply;
  if (status >= 200 && status < 300) return text;
  const said = quote(text, settings);
  const detail = said === '' ? `HTTP status ${status}` : `HTTP status ${status}: ${said}`;
  throw new Fault(status === 401 || status === 403 ? 'bmcRefused' : 'bmcError', { ...fields, detail });
}

function settingFault(settings: WebhookSettings, detail: string): Fault {
  const { query } = settings.urls;
  const command = `${settings.methods.query} ${pathOf(query, settings)}`;
  return new Fault('bmcMalformedReply', { device, address: query.host, command, detail });
}

/** Masks secrets, which a query or a path may contain. */
function pathOf({ pathname, search }: URL, settings: WebhookSettings): string {
  const path = withoutSecrets(pathname, settings);
  return search === '' ? path : `${path}?…`;
}

/** The beginning of a response on one line; secrets that the peer echoes are masked. */
function quote(text: string, settings: WebhookSettings): string {
  return withoutSecrets(text, settings).replace(/\s+/g, ' ').trim().slice(0, shown);
}

function withoutSecrets(text: string, { secrets }: WebhookSettings): string {
  return secrets.reduce((sum, secret) => sum.replaceAll(secret, '******'), text);
}
