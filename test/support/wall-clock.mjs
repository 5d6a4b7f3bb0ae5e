// Loaded before all else into each thread of a process (`node --import`): its wall clock is as many milliseconds off as the file
// named by WALL_CLOCK_FILE says, from the moment it says so. The monotonic clock is left alone, as by a clock that is set.
import { readFileSync } from 'node:fs';

const file = process.env['WALL_CLOCK_FILE'];
const SystemDate = Date;
const systemNow = Date.now;
const now = () => systemNow() + Number(readFileSync(file, 'latin1'));

globalThis.Date = class extends SystemDate {
  constructor(...values) {
    if (values.length === 0) super(now());
    else super(...values);
  }
  static now = now;
};
