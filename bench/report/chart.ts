/** Bar charts as SVG, small multiples each with its own scale: pure. Plain shapes and text, no script, no style sheet. */
import { escapeXml, FAINT, GRID, HEAD, INK, line, MARGIN, text } from './svg.ts';

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** What stands behind the bar; made from the value when absent. */
  readonly note?: string;
  /** Drawn in the accent colour. */
  readonly isOurs: boolean;
}

export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
}

export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  readonly panels: readonly Panel[];
  readonly columns: number;
  readonly footer: readonly string[];
}

const PANEL_WIDTH = 520;
const LABEL_WIDTH = 132;
const NOTE_WIDTH = 132;
const BAR_HEIGHT = 18;
const BAR_STEP = 26;
const PANEL_HEAD = 34;
const PANEL_FOOT = 18;
const OURS = '#0b6e99';
const THEIRS = '#a9b4bf';

/** The distance of grid lines: 1, 2 or 5 times a power of ten, at most five lines up to `max`. */
export function gridStep(max: number): number {
  const rough = max / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((times) => times * power >= rough) ?? 10) * power;
}

function short(value: number): string {
  if (value >= 10_000) return `${(value / 1_000).toFixed(0)}k`;
  if (value >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

function panelHeight(panel: Panel): number {
  return PANEL_HEAD + panel.bars.length * BAR_STEP + PANEL_FOOT;
}

function drawBar(bar: Bar, y: number, toX: (value: number) => number): string[] {
  const x = toX(0);
  const middle = y + BAR_HEIGHT / 2;
  const weight = bar.isOurs ? ' font-weight="600"' : '';
  const colour = bar.isOurs ? OURS : THEIRS;
  const width = Math.max(0, toX(bar.value) - x).toFixed(1);
  return [
    text(x - 8, middle + 4.5, bar.label, `text-anchor="end" font-size="13" fill="${INK}"${weight}`),
    `<rect x="${x}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2" fill="${colour}"/>`,
    line(toX(bar.low), middle, toX(bar.high), middle, INK, 1.4),
    line(toX(bar.low), middle - 4, toX(bar.low), middle + 4, INK, 1.4),
    line(toX(bar.high), middle - 4, toX(bar.high), middle + 4, INK, 1.4),
    text(
      Math.max(toX(bar.high), toX(bar.value)) + 8,
      middle + 4.5,
      bar.note ?? short(bar.value),
      `font-size="12" fill="${INK}"${weight}`,
    ),
  ];
}

function drawPanel(panel: Panel, left: number, top: number): string[] {
  const max = Math.max(...panel.bars.map((bar) => Math.max(bar.high, bar.value)), Number.MIN_VALUE);
  const start = left + LABEL_WIDTH;
  const toX = (value: number): number => start + (value / max) * (PANEL_WIDTH - LABEL_WIDTH - NOTE_WIDTH);
  const bottom = top + PANEL_HEAD + panel.bars.length * BAR_STEP - 4;
  const parts = [
    text(left, top + 15, panel.title, `font-size="14" font-weight="600" fill="${INK}"`),
    text(left + PANEL_WIDTH - 44, top + 15, panel.unit, `text-anchor="end" font-size="12" fill="${FAINT}"`),
  ];
  const step = gridStep(max);
  for (let value = 0; value <= max * 1.0001; value += step) {
    parts.push(line(toX(value), top + PANEL_HEAD - 8, toX(value), bottom, GRID));
    parts.push(
      text(toX(value), bottom + 13, short(value), `text-anchor="middle" font-size="10.5" fill="${FAINT}"`),
    );
  }
  for (const [index, bar] of panel.bars.entries()) {
    parts.push(...drawBar(bar, top + PANEL_HEAD + index * BAR_STEP - 2, toX));
  }
  return parts;
}

/** The chart as the text of an SVG file. */
export function svgChart(chart: Chart): string {
  const width = MARGIN * 2 + chart.columns * PANEL_WIDTH;
  const parts: string[] = [];
  let top = HEAD;
  for (let first = 0; first < chart.panels.length; first += chart.columns) {
    const inLine = chart.panels.slice(first, first + chart.columns);
    for (const [column, panel] of inLine.entries()) {
      parts.push(...drawPanel(panel, MARGIN + column * PANEL_WIDTH, top));
    }
    top += Math.max(...inLine.map(panelHeight)) + 14;
  }
  for (const [index, content] of chart.footer.entries()) {
    parts.push(text(MARGIN, top + 10 + index * 17, content, `font-size="11.5" fill="${FAINT}"`));
  }
  const height = top + 10 + chart.footer.length * 17 + 10;
  const font =
    'font-family="system-ui, -apple-system, &apos;Segoe UI&apos;, &apos;DejaVu Sans&apos;, sans-serif"';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ${font}>`,
    `<title>${escapeXml(chart.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(MARGIN, 34, chart.title, `font-size="19" font-weight="600" fill="${INK}"`),
    text(MARGIN, 56, chart.subtitle, `font-size="13" fill="${FAINT}"`),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
