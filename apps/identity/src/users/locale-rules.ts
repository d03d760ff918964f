import { AppError } from '@qa-pms/contracts';

/** Throws VALIDATION_ERROR where Intl does not know the IANA time zone. Offsets such as `+02:00` are no time zones. */
export function checkTimeZone(timeZone: string): void {
  if (!/^[A-Za-z]/.test(timeZone) || !accepts(() => new Intl.DateTimeFormat('en', { timeZone }))) {
    throw AppError.invalid('timeZone', 'isTimeZone', 'timeZone must be an IANA time zone such as Europe/Berlin');
  }
}

/** Throws VALIDATION_ERROR where it is not a well-formed BCP 47 language. */
export function checkLanguage(language: string): void {
  if (!accepts(() => Intl.getCanonicalLocales(language))) {
    throw AppError.invalid('language', 'isLanguage', 'language must be a BCP 47 language such as en or de-AT');
  }
}

function accepts(use: () => unknown): boolean {
  try {
    use();
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
