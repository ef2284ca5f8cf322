/**
 * The path patterns of access rules, as keystonemiddleware reads them: `*` and `{name}` stand for one or more characters of one
 * segment, `**` for any characters. Anything else stands for itself.
 */

/** Longer paths match nothing: the cost of a match is the product of both lengths. */
const longestPath = 1024;

/** A character; or a class of characters, once or any number of times. */
type Step = { readonly text: string } | { readonly class: 'segment' | 'any'; readonly repeats: boolean };

/** All positions of the pattern are followed at once: a pattern of many wildcards takes no longer than another. */
export function matchesPattern(path: string, pattern: string): boolean {
  if (path.length > longestPath) return false;
  const steps = stepsOf(pattern);
  let places = withSkipped(steps, new Set([0]));
  for (const character of path) {
    places = withSkipped(steps, new Set([...places].flatMap((place) => nextPlaces(steps, place, character))));
    if (places.size === 0) return false;
  }
  return places.has(steps.length);
}

function stepsOf(pattern: string): Step[] {
  const parts = pattern.match(/\{[^}]*\}|\*\*|./gsu) ?? [];
  return parts.flatMap((part): Step[] => {
    if (part === '**') return [{ class: 'any', repeats: true }];
    if (part !== '*' && !/^\{.*\}$/s.test(part)) return [{ text: part }];
    return [
      { class: 'segment', repeats: false },
      { class: 'segment', repeats: true },
    ];
  });
}

/** With the places behind steps that may match nothing. */
function withSkipped(steps: readonly Step[], places: Set<number>): Set<number> {
  // A set is iterated with what is added to it meanwhile.
  for (const place of places) {
    const step = steps[place];
    if (step && 'class' in step && step.repeats) places.add(place + 1);
  }
  return places;
}

function nextPlaces(steps: readonly Step[], place: number, character: string): number[] {
  const step = steps[place];
  if (!step) return [];
  if ('text' in step) return step.text === character ? [place + 1] : [];
  if (step.class === 'segment' && character === '/') return [];
  return [step.repeats ? place : place + 1];
}
