export { ipxeBoot } from './boot.ts';
