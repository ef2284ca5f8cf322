/** Regions, services and endpoints. */
import { get, head, patch, post, put, remove, type Scenario } from '../scenario.ts';

const regions: Scenario = {
  name: 'regions',
  service: 'identity',
  steps: [
    post('with an id', '/regions', { region: { id: 'north', description: 'Far' } }),
    post('without an id', '/regions', { region: { description: '' } }, { keeps: { unnamed: 'body.region.id' } }),
    post('again', '/regions', { region: { id: 'north' } }),
    post('below another', '/regions', { region: { id: 'north-1', parent_region_id: 'north' } }),
    post('below one that is missing', '/regions', { region: { id: 'lost', parent_region_id: 'nowhere' } }),
    post('with an id that is a number', '/regions', { region: { id: 5 } }),
    post('with an id that is too long', '/regions', { region: { id: 'r'.repeat(256) } }),
    post('with a description that is null', '/regions', { region: { id: 'null', description: null } }),
    post('with an unknown field', '/regions', { region: { id: 'more', colour: 'red' } }),
    post('without region', '/regions', {}),
    post('with an empty body', '/regions', undefined),
    { ...post('with no JSON', '/regions', undefined), raw: '{' },
    post('without a token', '/regions', { region: {} }, { as: null }),
    get('shown', '/regions/north'),
    head('asked by HEAD', '/regions/north'),
    get('one that is missing', '/regions/nowhere'),
    get('listed', '/regions'),
    get('listed by parent', '/regions?parent_region_id=north'),
    get('listed by an unknown filter', '/regions?colour=red'),
    patch('its description', '/regions/north-1', { region: { description: 'Farther' } }),
    patch('its parent', '/regions/north-1', { region: { parent_region_id: null } }),
    patch('a parent that is itself', '/regions/north', { region: { parent_region_id: 'north' } }),
    patch('an unknown field', '/regions/north', { region: { colour: 'red' } }),
    patch('another id', '/regions/north', { region: { id: 'south' } }),
    patch('one that is missing', '/regions/nowhere', { region: { description: 'x' } }),
    put('by PUT', '/regions/east', { region: { description: 'By PUT' } }),
    put('by PUT with another id', '/regions/east2', { region: { id: 'west' } }),
    remove('deleted', '/regions/{unnamed}'),
    remove('deleted again', '/regions/{unnamed}'),
    ...['north-1', 'north', 'east', 'null', 'more'].map((id) => remove(`${id} deleted`, `/regions/${id}`)),
  ],
};

export const catalogueScenarios: readonly Scenario[] = [regions];
