/** All scenarios, in the order in which they run. */
import type { Scenario } from './scenario.ts';
import { catalogueScenarios } from './scenarios/identity-catalogue.ts';

export const scenarioTable: readonly Scenario[] = [...catalogueScenarios];
