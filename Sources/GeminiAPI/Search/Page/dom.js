// Elements without HTML: every text that comes from a file or a name becomes a text node, whatever is in it.

/** The element of that id, which the page has. */
export const byID = (id) => document.getElementById(id);

/**
 * An element with attributes (`on...` are listeners, `false` and `undefined` leave one out) and children (nodes or texts).
 */
export function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (value === undefined || value === false) continue;
        if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
        else made.setAttribute(key, value === true ? '' : value);
    }
    made.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
    return made;
}

const svg = 'http://www.w3.org/2000/svg';

/** One of icons.svg. */
export function icon(name) {
    const drawing = document.createElementNS(svg, 'svg');
    drawing.setAttribute('aria-hidden', 'true');
    const use = document.createElementNS(svg, 'use');
    use.setAttribute('href', `/search/page/icons.svg#${name}`);
    drawing.append(use);
    return drawing;
}

export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString('en')} ${count === 1 ? one : many}`;

/** What people call each medium, one and many; in the order of the groups, what is seen at a glance first. */
export const media = {
    image: ['Picture', 'Pictures'],
    video: ['Film', 'Films'],
    audio: ['Sound', 'Sounds'],
    document: ['Page', 'Pages'],
    text: ['Text', 'Texts'],
};

/** The last part of a path, and what is before it. */
export function nameOf(path) {
    const slash = path.lastIndexOf('/');
    return { name: path.slice(slash + 1), folder: path.slice(0, Math.max(slash, 1)) };
}
