export { createDirectDeploy } from './deploy.ts';
