/** Images. */
import { get, type Scenario } from '../scenario.ts';

const versions: Scenario = {
  name: 'image versions',
  service: 'image',
  steps: [get('of no token', '//versions', { as: null })],
};

export const imageScenarios: readonly Scenario[] = [versions];
