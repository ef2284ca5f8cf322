/** Networks, and what is on them. */
import { get, type Scenario } from '../scenario.ts';

const versions: Scenario = {
  name: 'network versions',
  service: 'network',
  steps: [get('of no token', '//', { as: null })],
};

export const networkScenarios: readonly Scenario[] = [versions];
