// Results as cards: what each medium needs to be seen, heard or read, and where it is.

import { byID, counted, element, icon, media, nameOf } from './dom.js';
import { call } from './api.js';

/** The name by which people know an item. */
export const titleOf = (item) => nameOf(item.path).name + (item.place ? `, ${item.place}` : '');

/** `file#page=3` and `file#t=12,32`: where the item is in its file. */
function addressOf(item) {
    if (item.page !== undefined) return `${item.fileUri}#page=${item.page}`;
    if (item.seconds) return `${item.fileUri}#t=${item.seconds.map((time) => time.toFixed(2)).join(',')}`;
    return item.fileUri;
}

/** Where in its file it is; a film's sound is an item of its own. */
const placeOf = (item) => [item.place || media[item.type][0], item.type === 'video' && item.snippet ? 'its sound' : ''].filter(Boolean).join(', ');

/** Adds a field to a URL that may have some. */
const withSize = (address, size) => `${address}${address.includes('?') ? '&' : '?'}size=${size}`;

function picture(item) {
    const title = titleOf(item);
    const image = element('img', {
        src: withSize(item.thumbnailUri, 320), alt: `${media[item.type][0]}: ${title}`, loading: 'lazy', decoding: 'async',
    });
    const button = element('button', {
        type: 'button', class: 'picture', onclick: () => openPreview(item),
    }, image);
    image.addEventListener('error', () => button.replaceChildren(icon(item.type), `Show ${title}`), { once: true });
    return button;
}

function player(item) {
    const title = titleOf(item);
    return element(item.type === 'video' ? 'video' : 'audio', {
        controls: true, preload: 'none', src: addressOf(item), 'aria-label': title,
        poster: item.type === 'video' && withSize(item.thumbnailUri, 320),
    });
}

function passage(item) {
    const text = element('blockquote', {}, item.snippet || '');
    if (!item.textUri) return text;
    const around = element('div', { class: 'around', tabindex: '0', role: 'group', 'aria-label': `Text around ${titleOf(item)}` });
    const details = element('details', {}, element('summary', {}, 'In its place'), around);
    details.addEventListener('toggle', async () => {
        if (!details.open || around.childNodes.length) return;
        try {
            const found = await call(item.textUri);
            const first = found.firstLine + (found.before ? found.before.split('\n').length : 0);
            around.replaceChildren(
                found.before && element('pre', { class: 'context' }, found.before),
                element('pre', { title: `from line ${first} on` }, element('mark', {}, found.text)),
                found.after && element('pre', { class: 'context' }, found.after));
        } catch (error) {
            around.replaceChildren(element('p', { class: 'error' }, error.message));
        }
    });
    return element('div', { class: 'passage' }, text, details);
}

function openPreview(item) {
    const dialog = byID('preview');
    byID('previewTitle').textContent = titleOf(item);
    const image = byID('previewImage');
    image.src = withSize(item.thumbnailUri, 1280);
    image.alt = `${media[item.type][0]}: ${titleOf(item)}`;
    byID('previewLinks').replaceChildren(
        element('a', { href: addressOf(item), target: '_blank', rel: 'noopener' }, 'Open the file'), ` ${item.path}`);
    byID('previewClose').onclick = () => dialog.close();
    // A click beside it closes, as everywhere.
    dialog.onclick = (event) => event.target === dialog && dialog.close();
    dialog.showModal();
}

/**
 * One result.
 *
 * @param like called with the item and 1 or -1
 * @param best the score of the first result, which has the whole bar
 */
export function card(item, { like, best = 1, level = 'h3' }) {
    const { name, folder } = nameOf(item.path);
    const title = titleOf(item);
    item.title = title;
    const body = { image: picture, video: player, audio: player, document: picture, text: passage }[item.type](item);
    const bar = element('span', { class: 'bar' });
    bar.style.width = `${Math.max(3, Math.min(100, (item.score / Math.max(best, 0.01)) * 100))}%`;
    const act = (sign, word, label) =>
        element('button', { type: 'button', class: 'small', 'aria-label': label, onclick: () => like(item, sign) },
            element('span', { 'aria-hidden': 'true' }, sign > 0 ? '+' : '−'), ` ${word}`);
    return element('article', { class: `card ${item.type}`, 'data-id': item.id },
        body,
        element('div', { class: 'facts' },
            element(level, {},
                icon(item.type),
                element('a', { href: addressOf(item), target: '_blank', rel: 'noopener' }, name)),
            element('p', { class: 'place' }, placeOf(item)),
            item.type === 'document' && item.snippet && element('p', { class: 'snippet' }, item.snippet),
            element('p', { class: 'folder', title: item.path }, element('bdi', {}, folder)),
            item.score !== undefined && element('p', { class: 'score', title: `cosine ${item.score.toFixed(3)}` },
                element('span', { class: 'track', 'aria-hidden': 'true' }, bar),
                element('span', { class: 'number' }, item.score.toFixed(2))),
            element('p', { class: 'actions' },
                act(1, 'More', `More like ${title}`), act(-1, 'Less', `Less like ${title}`))));
}

/**
 * Shows all results, in groups by medium or as one list.
 *
 * @param more called where more are wanted; undefined where there are none
 */
export function showResults(results, { grouped, like, more }) {
    const best = (items) => items.reduce((most, item) => Math.max(most, item.score), 0);
    const main = byID('results');
    const again = more && element('button', { type: 'button', class: 'tool wide', onclick: more }, 'Show more');
    if (!grouped) {
        main.replaceChildren(
            element('h2', { class: 'hidden' }, 'Results'),
            element('div', { class: 'cards list' }, ...results.map((item) => card(item, { like, best: best(results) }))),
            ...(again ? [again] : []));
        return;
    }
    const groups = Object.keys(media).map((type) => [type, results.filter((item) => item.type === type)])
        .filter(([, items]) => items.length);
    main.replaceChildren(
        ...groups.map(([type, items]) => element('section', { class: `group ${type}`, 'aria-labelledby': `group-${type}` },
            element('h2', { id: `group-${type}` }, icon(type), media[type][1], element('span', { class: 'count' }, ` ${items.length}`)),
            element('div', { class: `cards ${type}` }, ...items.map((item) => card(item, { like, best: best(items) }))))),
        ...(again ? [again] : []));
}

/** Before anything is looked for: what there is. */
export function showWelcome(index) {
    const kinds = Object.keys(media).filter((type) => index.items[type]);
    byID('results').replaceChildren(element('div', { class: 'welcome' },
        element('h2', {}, 'What is here'),
        kinds.length
            ? element('ul', { class: 'counts' }, ...kinds.map((type) => element('li', { class: type }, icon(type),
                element('strong', {}, index.items[type].toLocaleString('en')), ` ${media[type][index.items[type] === 1 ? 0 : 1].toLowerCase()}`)))
            : element('p', {}, 'Nothing yet: ', element('code', {}, 'castor index PATH'), ' puts files into this index.'),
        index.problems > 0 && element('p', { class: 'note' },
            `${counted(index.problems, 'file')} could not be indexed, or not whole: `, element('code', {}, 'castor index --problems'), ' lists them.')));
}
