/** Uniqueness is the database's: this turns its refusal into Keystone's answer. */
import { Fault } from '#domain/faults.ts';

/** @param details what is already there, for the message of the conflict */
export async function refuseDuplicates<T>(writing: Promise<T>, type: string, details: string): Promise<T> {
  try {
    return await writing;
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'conflict') throw error;
    throw new Fault('conflict', { detail: `Conflict occurred attempting to store ${type} - ${details}.` }, error);
  }
}
