// All items in the plane: dots that can be come near to, looked at and opened.

import { byID, element, icon, media, nameOf } from './dom.js';
import { call } from './api.js';

const reach = 12; // pixels around the pointer
const maxZoom = 400;

/** Shapes of the marks, about as large as a circle of radius 1, so that they are told apart without colours; icons.svg draws them for the legend. */
const shapes = {
    image: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    video: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
    audio: [[0, -1.2], [1.2, 1], [-1.2, 1]],
    document: [[-0.45, -1.2], [0.45, -1.2], [0.45, -0.45], [1.2, -0.45], [1.2, 0.45], [0.45, 0.45], [0.45, 1.2], [-0.45, 1.2], [-0.45, 0.45], [-1.2, 0.45], [-1.2, -0.45], [-0.45, -0.45]],
};

export class CollectionMap {
    #points;
    #lit = new Map();
    #view = { x: 0, y: 0, zoom: 1 };
    #half = { x: 1, y: 1 };
    #names = new Map();
    #pointers = new Map();
    #hovered;
    #wasMoved = false;
    #open;
    #canvas = byID('canvas');
    #due = false;

    /** @param open called with the id of the item that was chosen */
    constructor(open) {
        this.#open = open;
        const canvas = this.#canvas;
        new ResizeObserver(() => this.#draw()).observe(canvas);
        matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
        canvas.addEventListener('wheel', (event) => {
            event.preventDefault();
            this.#zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
        }, { passive: false });
        canvas.addEventListener('pointerdown', (event) => this.#down(event));
        canvas.addEventListener('pointermove', (event) => this.#move(event));
        for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, (event) => this.#up(event, end === 'pointerup'));
        canvas.addEventListener('pointerleave', () => this.#hover(undefined));
        canvas.addEventListener('keydown', (event) => this.#key(event));
        const middle = () => [canvas.clientWidth / 2, canvas.clientHeight / 2];
        byID('zoomIn').onclick = () => this.#zoom(1.5, ...middle());
        byID('zoomOut').onclick = () => this.#zoom(1 / 1.5, ...middle());
        byID('zoomAll').onclick = () => this.#all();
    }

    /** Loads the points, the first time; the next calls find them there. */
    async load() {
        if (this.#points) return this.#draw();
        const map = await call('/search/v1/map');
        this.#points = map.items.map((id, at) => ({ id, type: map.types[at], x: map.x[at], y: map.y[at] }));
        this.#fit();
        const present = Object.keys(media).filter((type) => this.#points.some((point) => point.type === type));
        byID('legend').replaceChildren(...present.map((type) => element('li', { class: type },
            icon(`mark-${type}`), media[type][1])),
            ...(map.total > this.#points.length
                ? [element('li', {}, `${this.#points.length.toLocaleString('en')} of ${map.total.toLocaleString('en')} items`)] : []));
        this.#canvas.setAttribute('aria-label', `Map of the collection, ${this.#points.length} items`);
        this.#draw();
    }

    /** The points are loaded anew when they are needed. */
    forget() {
        this.#points = undefined;
    }

    /** Lets the results shine. */
    light(results) {
        this.#lit = new Map(results.map((item, at) => [item.id, at]));
        for (const item of results) this.#names.set(item.id, nameOf(item.path).name + (item.place ? `, ${item.place}` : ''));
        this.#draw();
    }

    // MARK: Geometry: the points' bounding box fills the canvas in one direction, with as many pixels to a unit in the other.

    /** Moves the middle of the bounding box to 0. */
    #fit() {
        for (const axis of ['x', 'y']) {
            const [least, most] = this.#points.reduce(
                ([a, b], point) => [Math.min(a, point[axis]), Math.max(b, point[axis])], [Infinity, -Infinity]);
            // A single point has no size.
            this.#half[axis] = Math.max(0.01, (most - least) / 2);
            for (const point of this.#points) point[axis] -= (least + most) / 2;
        }
    }

    get #scale() {
        const margin = 24;
        return Math.min(
            (this.#canvas.clientWidth / 2 - margin) / this.#half.x, (this.#canvas.clientHeight / 2 - margin) / this.#half.y) * this.#view.zoom;
    }

    #place(point) {
        return [
            this.#canvas.clientWidth / 2 + (point.x - this.#view.x) * this.#scale,
            this.#canvas.clientHeight / 2 - (point.y - this.#view.y) * this.#scale,
        ];
    }

    #zoom(factor, atX, atY) {
        const zoom = Math.min(maxZoom, Math.max(1, this.#view.zoom * factor));
        const [dx, dy] = [atX - this.#canvas.clientWidth / 2, atY - this.#canvas.clientHeight / 2];
        const before = this.#scale;
        this.#view.zoom = zoom;
        // What is below the pointer stays there.
        this.#view.x += dx / before - dx / this.#scale;
        this.#view.y -= dy / before - dy / this.#scale;
        if (zoom === 1) [this.#view.x, this.#view.y] = [0, 0];
        this.#draw();
    }

    #pan(dx, dy) {
        const bound = (value, half) => Math.max(-half, Math.min(half, value));
        this.#view.x = bound(this.#view.x - dx / this.#scale, this.#half.x);
        this.#view.y = bound(this.#view.y + dy / this.#scale, this.#half.y);
        this.#draw();
    }

    #all() {
        this.#view = { x: 0, y: 0, zoom: 1 };
        this.#draw();
    }

    /** The point nearest to a place, lit ones first, within so many pixels. */
    #nearest(x, y, within) {
        let [best, least] = [undefined, within];
        for (const point of this.#points ?? []) {
            const [px, py] = this.#place(point);
            const away = Math.hypot(px - x, py - y) - (this.#lit.has(point.id) ? 4 : 0);
            if (away < least) [best, least] = [point, away];
        }
        return best;
    }

    // MARK: Hands

    #down(event) {
        this.#canvas.setPointerCapture(event.pointerId);
        this.#pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
        this.#wasMoved = this.#pointers.size > 1;
    }

    #move(event) {
        const last = this.#pointers.get(event.pointerId);
        const now = [event.offsetX, event.offsetY];
        if (!last) return this.#hover(this.#nearest(...now, reach));
        if (this.#pointers.size === 2) {
            const other = [...this.#pointers].find(([id]) => id !== event.pointerId)[1];
            const distance = (a, b) => Math.max(1, Math.hypot(a[0] - b[0], a[1] - b[1]));
            this.#zoom(distance(now, other) / distance(last, other), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
        } else if (this.#wasMoved || Math.hypot(now[0] - last[0], now[1] - last[1]) > 3) {
            this.#wasMoved = true;
            this.#pan(now[0] - last[0], now[1] - last[1]);
        } else {
            return;
        }
        this.#pointers.set(event.pointerId, now);
    }

    #up(event, isDone) {
        this.#pointers.delete(event.pointerId);
        if (!isDone || this.#wasMoved) return;
        const point = this.#nearest(event.offsetX, event.offsetY, 2 * reach);
        if (point) this.#open(point.id);
    }

    #key(event) {
        const step = 60;
        const middle = [this.#canvas.clientWidth / 2, this.#canvas.clientHeight / 2];
        const act = {
            ArrowLeft: () => this.#pan(step, 0), ArrowRight: () => this.#pan(-step, 0),
            ArrowUp: () => this.#pan(0, step), ArrowDown: () => this.#pan(0, -step),
            '+': () => this.#zoom(1.5, ...middle), '=': () => this.#zoom(1.5, ...middle),
            '-': () => this.#zoom(1 / 1.5, ...middle), 0: () => this.#all(),
            Enter: () => {
                const point = this.#nearest(...middle, Infinity);
                if (point) this.#open(point.id);
            },
        }[event.key];
        if (!act) return;
        event.preventDefault();
        act();
    }

    async #hover(point) {
        if (point?.id === this.#hovered?.id) return;
        this.#hovered = point;
        this.#canvas.classList.toggle('pointing', Boolean(point));
        this.#draw();
        const label = byID('mapLabel');
        if (!point) return void (label.hidden = true);
        if (!this.#names.has(point.id)) {
            label.hidden = true;
            // Nobody waits for the names of dots that the pointer only passes.
            await new Promise((resolve) => setTimeout(resolve, 60));
            if (this.#hovered !== point) return;
            try {
                const item = await call(`/search/v1/items/${point.id}`);
                this.#names.set(point.id, nameOf(item.path).name + (item.place ? `, ${item.place}` : ''));
            } catch {
                return;
            }
            if (this.#hovered !== point) return;
        }
        const [x, y] = this.#place(point);
        label.replaceChildren(icon(point.type), this.#names.get(point.id));
        label.hidden = false;
        label.style.left = `${Math.max(4, Math.min(x + 10, this.#canvas.clientWidth - label.offsetWidth - 4))}px`;
        label.style.top = `${Math.max(4, y - label.offsetHeight - 10)}px`;
    }

    // MARK: Drawing, once a frame

    #draw() {
        if (this.#due) return;
        this.#due = true;
        requestAnimationFrame(() => {
            this.#due = false;
            this.#paint();
        });
    }

    #paint() {
        const canvas = this.#canvas;
        const ratio = devicePixelRatio || 1;
        const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
        if (!width || !height) return;
        if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
        const context = canvas.getContext('2d');
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
        if (!this.#points) return;
        const style = getComputedStyle(document.documentElement);
        const colours = Object.fromEntries(Object.keys(media).map((type) => [type, style.getPropertyValue(`--${type}`).trim()]));
        const ink = style.getPropertyValue('--ink').trim();
        const radius = Math.max(2, Math.min(6, 60 / Math.sqrt(this.#points.length) + Math.log2(this.#view.zoom) / 2));
        const dot = (point, size) => {
            const [x, y] = this.#place(point);
            if (x < -9 || y < -9 || x > canvas.clientWidth + 9 || y > canvas.clientHeight + 9) return false;
            context.beginPath();
            const corners = shapes[point.type];
            if (corners) for (const [dx, dy] of corners) context.lineTo(x + size * dx, y + size * dy);
            else context.arc(x, y, size, 0, 2 * Math.PI);
            context.closePath();
            return true;
        };
        context.globalAlpha = this.#lit.size ? 0.3 : 0.8;
        for (const point of this.#points) {
            if (this.#lit.has(point.id) || !dot(point, radius)) continue;
            context.fillStyle = colours[point.type];
            context.fill();
        }
        context.globalAlpha = 1;
        context.strokeStyle = ink;
        context.lineWidth = 1.5;
        for (const point of this.#points) {
            if (!this.#lit.has(point.id) && point !== this.#hovered) continue;
            if (!dot(point, this.#lit.get(point.id) === 0 ? radius + 5 : radius + 3)) continue;
            context.fillStyle = colours[point.type];
            context.fill();
            context.stroke();
        }
    }
}
