/** Power states in Ironic's spelling. */
export type PowerState = 'power on' | 'power off';
