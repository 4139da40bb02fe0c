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

/** Where in its file it is; of a film its pictures and its sound are a result each. */
function placeOf(item) {
    const place = item.place || media[item.type][0];
    if (item.type !== 'video') return place;
    return `${place}, ${item.snippet ? 'its sound' : 'its pictures'}`;
}

/** Caption or page; a text shows its own as a passage, and a film's is in its place. */
const snippetOf = (item) => (item.type === 'image' || item.type === 'document' ? item.snippet : undefined);

/**
 * Results with the copies of a file behind the first of them. Copies are known by what the server says of them: the same size, place and
 * text, and the very same score.
 */
function folded(results) {
    const first = new Map();
    for (const item of results) {
        const key = JSON.stringify([item.type, item.bytes, item.place, item.snippet, item.score]);
        if (first.has(key)) first.get(key).copies.push(item);
        else first.set(key, { item, copies: [] });
    }
    return [...first.values()];
}

/** Where there is no room for all of it, the last folder stays and what is before it is cut. */
function folderLine(path, folder) {
    const { name, folder: before } = nameOf(folder);
    return element('p', { class: 'folder', title: path },
        element('bdi', {}, before === '/' ? '' : before), element('bdi', {}, `/${name}`));
}

function copyList(copies) {
    return element('details', { class: 'copies' },
        element('summary', {}, `and ${counted(copies.length, 'copy', 'copies')}`),
        element('ul', {}, ...copies.map((copy) => element('li', {},
            element('a', { href: addressOf(copy), target: '_blank', rel: 'noopener' }, copy.path)))));
}

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
 * @param copies results that are the same file elsewhere
 */
export function card(item, { like, best = 1, level = 'h3', copies = [] }) {
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
            item.fileNow && element('p', { class: 'place' }, item.fileNow === 'missing' ? 'The file is not there now.' : 'The file has changed since.'),
            snippetOf(item) && element('p', { class: 'snippet' }, snippetOf(item)),
            folderLine(item.path, folder),
            copies.length > 0 && copyList(copies),
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
 * @returns how many there are, a file and its copies as one
 */
export function showResults(results, { grouped, like, more }) {
    const best = results.reduce((most, item) => Math.max(most, item.score), 0);
    const cards = (found, most) => found.map(({ item, copies }) => card(item, { like, best: most, copies }));
    const main = byID('results');
    const again = more && element('button', { type: 'button', class: 'tool wide', onclick: more }, 'Show more');
    const found = folded(results);
    if (!grouped) {
        const isMixed = new Set(results.map((item) => item.type)).size > 1;
        main.replaceChildren(
            element('h2', { class: 'hidden' }, 'Results'),
            ...(isMixed ? [element('p', { class: 'note' },
                'Sounds, pictures and texts score in different ranges: compare scores within one medium. Choose one above, or Groups.')] : []),
            element('div', { class: 'cards list' }, ...cards(found, best)),
            ...(again ? [again] : []));
        return found.length;
    }
    const groups = Object.keys(media).map((type) => [type, found.filter(({ item }) => item.type === type)])
        .filter(([, items]) => items.length);
    main.replaceChildren(
        ...groups.map(([type, items]) => element('section', { class: `group ${type}`, 'aria-labelledby': `group-${type}` },
            element('h2', { id: `group-${type}` }, icon(type), media[type][1], element('span', { class: 'count' }, ` ${items.length}`)),
            element('div', { class: `cards ${type}` }, ...cards(items, items[0].item.score)))),
        ...(again ? [again] : []));
    return found.length;
}

/** Where the index is, in the words of the command that fills it. */
const indexCommand = (folder) => `castor index --index ${/^[\w./-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", "'\\''")}'`}`;

/** Before anything is looked for: what there is. */
export async function showWelcome(index) {
    const kinds = Object.keys(media).filter((type) => index.items[type]);
    const command = kinds.length ? '' : indexCommand((await call('/search/v1/problems')).index);
    byID('results').replaceChildren(element('div', { class: 'welcome' },
        element('h2', {}, 'What is here'),
        kinds.length
            ? element('ul', { class: 'counts' }, ...kinds.map((type) => element('li', { class: type }, icon(type),
                element('strong', {}, index.items[type].toLocaleString('en')), ` ${media[type][index.items[type] === 1 ? 0 : 1].toLowerCase()}`)))
            : element('p', {}, 'Nothing yet: ', element('code', {}, `${command} PATH`), ' puts files into this index.'),
        kinds.length > 0 && element('p', { class: 'note' },
            'A long text counts once for each passage, a document for each page, a sound or a film for each stretch; a film for its pictures and for its sound.')));
}

/** The files that are not in the index, or not whole, each with the reason. */
export async function openProblems() {
    const dialog = byID('problems');
    byID('problemsClose').onclick = () => dialog.close();
    dialog.onclick = (event) => event.target === dialog && dialog.close();
    const { problems, total, index } = await call('/search/v1/problems');
    byID('problemList').replaceChildren(...problems.map(({ path, reason, detail }) => element('li', {},
        element('strong', {}, nameOf(path).name), ` ${reason}${detail ? `: ${detail}` : ''}`,
        element('span', { class: 'note' }, nameOf(path).folder))));
    byID('problemNote').replaceChildren(
        total > problems.length ? `The first ${problems.length} of ${counted(total, 'file')}. ` : '',
        'In a terminal: ', element('code', {}, `${indexCommand(index)} --problems`));
    dialog.showModal();
}
