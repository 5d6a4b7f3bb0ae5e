/** Curves over time as SVG, one panel a figure, each with its own scale: pure. The look is that of chart.ts. */
import { gridStep } from './chart.ts';
import { escapeXml, FAINT, GRID, HEAD, INK, line, MARGIN, text } from './svg.ts';

export interface Curve {
  readonly label: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface CurvePanel {
  readonly title: string;
  readonly unit: string;
  readonly curves: readonly Curve[];
}

export interface CurveChart {
  readonly title: string;
  readonly subtitle: string;
  /** What the x axis counts. */
  readonly xUnit: string;
  readonly panels: readonly CurvePanel[];
  readonly columns: number;
  /** Faint vertical lines: events that all panels share. */
  readonly marks: readonly { readonly x: number; readonly colour: string }[];
  readonly footer: readonly string[];
}

const PANEL_WIDTH = 520;
const PANEL_HEIGHT = 210;
const PLOT = { left: 56, right: 24, top: 40, bottom: 30 } as const;
const COLOURS = ['#0b6e99', '#c2571a', '#4d7c0f', '#7a3e9d', '#a9b4bf', '#b91c1c'];

function short(value: number): string {
  if (value >= 10_000) return `${(value / 1_000).toFixed(0)}k`;
  return Number.isInteger(value) || value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}

interface Frame {
  readonly toX: (x: number) => number;
  readonly toY: (y: number) => number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function frameOf(left: number, top: number, maxX: number, maxY: number): Frame {
  const inner = {
    left: left + PLOT.left,
    right: left + PANEL_WIDTH - PLOT.right,
    top: top + PLOT.top,
    bottom: top + PANEL_HEIGHT - PLOT.bottom,
  };
  return {
    ...inner,
    toX: (x) => inner.left + (x / maxX) * (inner.right - inner.left),
    toY: (y) => inner.bottom - (y / maxY) * (inner.bottom - inner.top),
  };
}

function drawGrid(frame: Frame, maxX: number, maxY: number, xUnit: string): string[] {
  const parts: string[] = [];
  const small = `font-size="10.5" fill="${FAINT}"`;
  for (let y = 0; y <= maxY * 1.0001; y += gridStep(maxY)) {
    parts.push(line(frame.left, frame.toY(y), frame.right, frame.toY(y), GRID));
    parts.push(text(frame.left - 6, frame.toY(y) + 3.5, short(y), `text-anchor="end" ${small}`));
  }
  for (let x = 0; x <= maxX * 1.0001; x += gridStep(maxX)) {
    const unit = x === 0 ? ` ${xUnit}` : '';
    parts.push(text(frame.toX(x), frame.bottom + 14, `${short(x)}${unit}`, `text-anchor="middle" ${small}`));
  }
  return parts;
}

function drawPanel(chart: CurveChart, panel: CurvePanel, left: number, top: number, maxX: number): string[] {
  const values = panel.curves.flatMap(({ points }) => points.map(({ y }) => y));
  const maxY = values.reduce((most, value) => Math.max(most, value), 1);
  const frame = frameOf(left, top, maxX, maxY);
  const parts = [
    text(left, top + 15, panel.title, `font-size="14" font-weight="600" fill="${INK}"`),
    text(frame.right, top + 15, panel.unit, `text-anchor="end" font-size="12" fill="${FAINT}"`),
    ...drawGrid(frame, maxX, maxY, chart.xUnit),
    ...chart.marks.map(({ x, colour }) => line(frame.toX(x), frame.top, frame.toX(x), frame.bottom, colour)),
  ];
  for (const [i, { points, label }] of panel.curves.entries()) {
    const colour = COLOURS[i % COLOURS.length] ?? INK;
    const path = points.map(({ x, y }) => `${frame.toX(x).toFixed(1)},${frame.toY(y).toFixed(1)}`).join(' ');
    parts.push(
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.4" stroke-linejoin="round"/>`,
    );
    if (panel.curves.length > 1)
      parts.push(text(frame.left + i * 118, top + 31, `— ${label}`, `font-size="11.5" fill="${colour}"`));
  }
  return parts;
}

/** The chart as the text of an SVG file. */
export function svgCurves(chart: CurveChart): string {
  const width = MARGIN * 2 + chart.columns * PANEL_WIDTH;
  const xs = chart.panels.flatMap(({ curves }) => curves.flatMap(({ points }) => points.map(({ x }) => x)));
  const maxX = xs.reduce((most, x) => Math.max(most, x), Number.MIN_VALUE);
  const parts = chart.panels.flatMap((panel, i) => {
    const top = HEAD + Math.floor(i / chart.columns) * PANEL_HEIGHT;
    return drawPanel(chart, panel, MARGIN + (i % chart.columns) * PANEL_WIDTH, top, maxX);
  });
  const end = HEAD + Math.ceil(chart.panels.length / chart.columns) * PANEL_HEIGHT;
  const footer = chart.footer.map((content, i) =>
    text(MARGIN, end + 14 + i * 17, content, `font-size="11.5" fill="${FAINT}"`),
  );
  const height = end + 24 + chart.footer.length * 17;
  const font =
    'font-family="system-ui, -apple-system, &apos;Segoe UI&apos;, &apos;DejaVu Sans&apos;, sans-serif"';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ${font}>`,
    `<title>${escapeXml(chart.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(MARGIN, 34, chart.title, `font-size="19" font-weight="600" fill="${INK}"`),
    text(MARGIN, 56, chart.subtitle, `font-size="13" fill="${FAINT}"`),
    ...parts,
    ...footer,
    '</svg>',
    '',
  ].join('\n');
}
