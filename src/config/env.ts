/**
 * `${VAR}`, `${VAR:-default}` and `${VAR:?message}` within a value; `$${` stands for `${` itself. As in a shell, the
 * forms with a colon take an empty variable for an unset one. A default is plain text: it is not expanded again.
 */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Substituted {
  readonly value: string;
  /** Sentences; empty when all is well. */
  readonly problems: readonly string[];
}

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)([^}]*))?\}|\$\{([^}]*)\}?/g;

export function substitute(text: string, env: Environment): Substituted {
  const problems: string[] = [];
  const replace = (
    whole: string,
    name?: string,
    operator?: string,
    operand?: string,
    wrong?: string,
  ): string => {
    if (whole === '$${') return '${';
    if (name === undefined) {
      problems.push(
        `"${whole}" is not a variable. Write \${NAME}, \${NAME:-default} or \${NAME:?message}${wrongTail(wrong)}.`,
      );
      return '';
    }
    const value = env[name];
    if (operator === ':-') return value || (operand ?? '');
    if (operator === ':?' && !value) {
      problems.push(
        `\${${name}} is not set: ${operand === '' || operand === undefined ? 'it is needed here' : operand}.`,
      );
      return '';
    }
    if (value === undefined) {
      problems.push(`\${${name}} is not set. Set it, or write \${${name}:-default}.`);
      return '';
    }
    return value;
  };
  const value = text.replace(REFERENCE, replace);
  return { value, problems };
}

function wrongTail(wrong: string | undefined): string {
  return wrong?.includes('$') ? '; one inside another does not work' : '; $${ stands for ${';
}

/** What a plain YAML scalar with this text would be, if that is not a text; else undefined. */
export function coerceScalar(text: string): number | boolean | undefined {
  if (text === 'true') return true;
  if (text === 'false') return false;
  return /^[-+]?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}
