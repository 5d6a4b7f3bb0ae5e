import type { ReadStream } from 'node:tty';

const INTERRUPT = '\u0003';
const END = '\u0004';
const ENTER = /[\r\n]/;
const BACKSPACE = /[\b\x7f]/;

/**
 * All of standard input; of a terminal one line, asked for with `prompt` and not shown while it is typed.
 * Ctrl-C and Ctrl-D end it with what is nothing.
 */
export async function readSecret(
  stdin: NodeJS.ReadStream,
  prompt: string,
  write: (text: string) => void,
): Promise<string> {
  stdin.setEncoding('utf8');
  if (!stdin.isTTY) {
    let text = '';
    for await (const chunk of stdin) text += chunk;
    return text;
  }
  write(prompt);
  const terminal = stdin as ReadStream;
  terminal.setRawMode(true);
  try {
    return await typedLine(terminal);
  } finally {
    terminal.setRawMode(false);
    terminal.pause();
    write('\n');
  }
}

function typedLine(terminal: ReadStream): Promise<string> {
  return new Promise((resolve) => {
    let line = '';
    const done = (text: string): void => {
      terminal.off('data', onData);
      resolve(text);
    };
    const onData = (text: string): void => {
      for (const char of text) {
        if (ENTER.test(char)) {
          done(line);
          return;
        }
        if (char === INTERRUPT || char === END) {
          done('');
          return;
        }
        if (BACKSPACE.test(char)) line = line.slice(0, -1);
        else line += char;
      }
    };
    terminal.on('data', onData);
    terminal.resume();
  });
}
