/** Every error of this package. */

export type TestDatabaseErrorCode =
  'TEST_DATABASE_MISSING' | 'TEST_DATABASE_START_FAILED' | 'TEST_DATABASE_SETUP_MISSING' | 'TEST_DATABASE_UNREACHABLE';

/** A test server is missing or did not come up. `message` names the database, the reason and what to do. */
export class TestDatabaseError extends Error {
  override readonly name = 'TestDatabaseError';
  readonly code: TestDatabaseErrorCode;

  constructor(code: TestDatabaseErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
