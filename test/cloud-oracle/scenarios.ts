/** All scenarios, in the order in which they run. */
import type { Scenario } from './scenario.ts';
import { catalogueScenarios } from './scenarios/identity-catalogue.ts';
import { imageScenarios } from './scenarios/image.ts';
import { networkScenarios } from './scenarios/network.ts';

export const scenarioTable: readonly Scenario[] = [...catalogueScenarios, ...imageScenarios, ...networkScenarios];
