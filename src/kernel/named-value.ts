/** A field, a parameter, or what is asked of one or put in it. */
export interface NamedValue {
  readonly name: string;
  readonly value: string;
}
