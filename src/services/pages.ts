/** Pages by `limit` and `marker` (the id of the last item of the previous page), common to all services. */
import { Fault } from '#domain/faults.ts';

export type PageRequest<T> = {
  limit?: number | undefined;
  marker?: string | undefined;
  /** The marker of an item. */
  idOf: (item: T) => string;
  /** Largest page; also the default limit. */
  maximum?: number;
  /** The service's message about a marker that is no item. */
  unknownMarker?: (marker: string) => string;
};

export type Page<T> = { items: T[] /** Marker of the next page; undefined on the last. */; next: string | undefined };

/** Takes one page from an ordered list. */
export function pageOf<T>(all: readonly T[], request: PageRequest<T>): Page<T> {
  const start = request.marker === undefined ? 0 : all.findIndex((item) => request.idOf(item) === request.marker) + 1;
  if (request.marker !== undefined && start === 0) throw unknownMarker(request.marker);
  const maximum = request.maximum ?? Number.POSITIVE_INFINITY;
  const limit =
    request.limit === undefined || (request.limit === 0 && maximum !== Number.POSITIVE_INFINITY) ? maximum : request.limit;
  const items = all.slice(start, start + Math.min(limit, maximum));
  const last = items.at(-1);
  const isLast = start + items.length >= all.length;
  return { items, next: isLast || last === undefined ? undefined : request.idOf(last) };
}

/** A source of pages: looks up a row by its marker, and reads the rows after one. */
export type PageSource<T, M> = {
  find(marker: string): Promise<M | undefined>;
  list(page: { after: M | undefined; limit: number }): Promise<T[]>;
};

/** Reads one page, and one row more to know whether another page follows. */
export async function readPage<T, M>(source: PageSource<T, M>, request: PageRequest<T>): Promise<Page<T>> {
  const { limit, marker, idOf, maximum = largestPage, unknownMarker: message } = request;
  const after = marker === undefined ? undefined : await source.find(marker);
  if (marker !== undefined && after === undefined) throw unknownMarker(marker, message);
  const size = Math.min(limit || maximum, maximum);
  const found = await source.list({ after, limit: size + 1 });
  const items = found.slice(0, size);
  const last = items.at(-1);
  return { items, next: found.length > size && last !== undefined ? idOf(last) : undefined };
}

/** Also the default limit. */
const largestPage = 1000;

function unknownMarker(marker: string, message = (id: string) => `Marker ${id} could not be found.`): Fault {
  return new Fault('badRequest', { detail: message(marker) });
}
