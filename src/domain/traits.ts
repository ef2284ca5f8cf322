/** Traits: capabilities of a machine that flavors and instances require. */

/** A site's own traits start with CUSTOM_; the others are prefixes of the standard traits. */
export const traitPattern = '^(CUSTOM|HW|STORAGE|COMPUTE|MISC|OWNER|STATUS)_[A-Z0-9_]+$';
export const longestTrait = 255;
export const mostTraits = 50;
