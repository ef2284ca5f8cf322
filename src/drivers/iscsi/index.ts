export { createIscsiDeploy, type IscsiOptions } from './deploy.ts';
