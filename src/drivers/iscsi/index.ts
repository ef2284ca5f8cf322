export { createIscsiDeploy } from './deploy.ts';
export type { IscsiOptions } from './options.ts';
