/** The operator's property protections (setting `images.property_protections`). */
import { Fault } from '#domain/faults.ts';
import { PropertyProtections, parseProtections } from '#services/image/property-protections.ts';
import { readOperatorFile } from '../http/policy/operator-file.ts';

/** @param file empty: no property is protected. @throws Fault `protectionsFile` */
export function readProtections(file: string): PropertyProtections {
  if (file === '') return new PropertyProtections();
  const invalid = (line: number, detail: string) => new Fault('protectionsFile', { file, line, detail });
  return parseProtections(
    readOperatorFile(file, (detail) => invalid(1, detail)),
    invalid,
  );
}
