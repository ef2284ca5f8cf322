export { pxeBoot } from './boot.ts';
