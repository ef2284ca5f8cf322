/** One service compared with its published document: the stage, the routes it has, and what was seen. */
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { microversionTable } from '#api/versions.ts';
import { createImageFiles } from '#images/image-files.ts';
import { openRackFixture, type RackFixture } from '#test/rack-fixture.ts';
import { ApiDocument, type DocumentedService } from './document.ts';
import type { Exception } from './exception.ts';
import { exceptionTable } from './exceptions.ts';
import { ReplyCheck } from './reply-check.ts';
import { minorOf } from './schema-at-version.ts';

type Route = { method: string; url: string };

type Findings = {
  /** Differences that are not in the table of exceptions. */
  differences: string[];
  /** Rows of that table for a difference that is not there. */
  unusedExceptions: string[];
  /** Routes of ours whose reply is published, but was not compared. */
  unseenOperations: string[];
};
export const nothingFound: Findings = { differences: [], unusedExceptions: [], unseenOperations: [] };

export type Comparison = {
  readonly fixture: RackFixture;
  readonly check: ReplyCheck;
  readonly document: ApiDocument;
  findings(): Findings;
};

export async function openComparison(
  t: TestContext,
  service: DocumentedService,
  settings: Readonly<Record<string, string>> = {},
): Promise<Comparison> {
  const document = new ApiDocument(service);
  const check = new ReplyCheck(document, exceptionTable[service]);
  const routes: Route[] = [];
  const log = pino({ level: 'silent' });
  const fixture = await openRackFixture({
    settings,
    images: (store, directory) => createImageFiles({ store, directory, log }),
  });
  // The machines of this stage have no serial line; only the reply with its URL is of interest.
  Object.assign(fixture.engine, { checkConsole: async () => {} });
  fixture.app.addHook('onRoute', ({ method, url, config }) => {
    // What replies only that it is not supported has no reply of the document.
    if (config?.rows?.every(({ unsupported }) => unsupported !== undefined)) return;
    for (const each of [method].flat()) routes.push({ method: each, url });
  });
  t.after(() => fixture.close());
  return {
    ...{ fixture, check, document },
    findings: () => ({
      differences: check.findings().toSorted(),
      unusedExceptions: check
        .unused()
        .filter(isDue)
        .map(({ operation = 'all', at, what }) => `${operation} ${at} ${what}`),
      unseenOperations: unseen(routes, { document, seen: check.operations() }),
    }),
  };
}

/** A difference of a microversion that Ingot does not have yet cannot be seen. */
function isDue({ since }: Exception): boolean {
  return since === undefined || minorOf(since) <= microversionTable.compute.max.minor;
}

function unseen(routes: readonly Route[], { document, seen }: { document: ApiDocument; seen: ReadonlySet<string> }): string[] {
  const documented = routes.flatMap(({ method, url }) => {
    const path = document.pathOf(url);
    return path !== undefined && document.hasReply(method, path) ? [`${method} ${path}`] : [];
  });
  return [...new Set(documented)].filter((operation) => !seen.has(operation)).toSorted();
}
