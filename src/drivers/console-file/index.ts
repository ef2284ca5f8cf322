export { createFileConsole } from './console.ts';
