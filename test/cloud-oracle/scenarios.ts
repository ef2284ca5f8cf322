/** All scenarios, in the order in which they run. */
import type { Scenario } from './scenario.ts';
import { assignmentScenarios } from './scenarios/identity-assignments.ts';
import { catalogueScenarios } from './scenarios/identity-catalogue.ts';
import { peopleScenarios } from './scenarios/identity-people.ts';
import { tokenScenarios } from './scenarios/identity-tokens.ts';
import { imageScenarios } from './scenarios/image.ts';
import { networkScenarios } from './scenarios/network.ts';

export const scenarioTable: readonly Scenario[] = [
  ...catalogueScenarios,
  ...peopleScenarios,
  ...assignmentScenarios,
  ...tokenScenarios,
  ...imageScenarios,
  ...networkScenarios,
];
