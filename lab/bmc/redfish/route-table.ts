/** All resources of one service, looked up by path. */
import { biosRoutes } from './bios-routes.ts';
import { chassisRoutes } from './chassis-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { managerRoutes } from './manager-routes.ts';
import { mediaRoutes } from './media-routes.ts';
import type { Route } from './route.ts';
import { serviceRoutes } from './service-routes.ts';
import type { ServiceState } from './service-state.ts';
import { storageRoutes } from './storage-routes.ts';
import { systemRoutes } from './system-routes.ts';
import { taskRoutes } from './task-routes.ts';
import { updateRoutes } from './update-routes.ts';
import { isAbsent } from './vendor-profile.ts';

export type RouteTable = { readonly exact: ReadonlyMap<string, Route>; readonly byFolder: ReadonlyMap<string, Route> };

const builders = [
  serviceRoutes,
  systemRoutes,
  biosRoutes,
  storageRoutes,
  chassisRoutes,
  managerRoutes,
  mediaRoutes,
  updateRoutes,
  taskRoutes,
  eventRoutes,
];

/** For the current shape: rebuilt when the profile changes. */
export function routeTable(state: ServiceState): RouteTable {
  const routes = builders.flatMap((build) => build(state)).filter(({ kind }) => !isAbsent(state.shape, kind));
  const isOpen = ({ path }: Route) => path.endsWith('/{}');
  return {
    exact: new Map(routes.filter((route) => !isOpen(route)).map((route) => [route.path, route])),
    byFolder: new Map(routes.filter(isOpen).map((route) => [route.path.slice(0, -'/{}'.length), route])),
  };
}

/** A trailing slash makes no difference: DSP0266, "Resource URI". */
export function findRoute({ exact, byFolder }: RouteTable, path: string): { route: Route; ids: string[] } | undefined {
  const place = path.length > 1 ? path.replace(/\/$/, '') : path;
  const route = exact.get(place);
  if (route) return { route, ids: [] };
  const cut = place.lastIndexOf('/');
  const folder = byFolder.get(place.slice(0, cut));
  return folder && { route: folder, ids: [decode(place.slice(cut + 1))] };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function allowedMethods({ get, answer, patch, post, delete: remove }: Route): string[] {
  const table = { GET: get ?? answer, HEAD: get ?? answer, PATCH: patch, POST: post, DELETE: remove };
  return Object.entries(table).flatMap(([method, handler]) => (handler ? [method] : []));
}
