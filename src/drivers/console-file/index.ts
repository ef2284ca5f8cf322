export { fileConsole } from './console.ts';
