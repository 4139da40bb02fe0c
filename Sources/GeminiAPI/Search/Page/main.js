// The page: what is in the box becomes a search, and the search what is shown.

import { byID, counted, element, icon, media } from './dom.js';
import { call, keepKey } from './api.js';
import { Query } from './query.js';
import { offerRecording } from './recorder.js';
import { card, openProblems, showResults, showWelcome } from './results.js';
import { CollectionMap } from './map.js';

const sizes = [128, 256, 512, 768, 1536, 3072];
const patience = 160; // ms without a key
const steps = { groups: [6, 12, 24, 60], list: [24, 60, 120, 300], map: [12] };

let index;
let step = 0;
let timer;
let current;
let last = [];

const say = (text, isError = false) => {
    byID('status').textContent = text;
    byID('status').classList.toggle('error', isError);
};
const query = new Query(() => changed(), (text) => say(text, true));
const map = new CollectionMap(openItem);
const view = () => document.querySelector('#views input:checked').value;
const chosenTypes = () => [...document.querySelectorAll('#types input:checked')].map((box) => box.value);

// MARK: Searching

/** Something of the query has changed; the search follows when the hands rest. */
function changed(now = false) {
    step = 0;
    remember();
    clearTimeout(timer);
    timer = setTimeout(search, now ? 0 : patience);
}

async function search() {
    current?.abort();
    const own = new AbortController();
    current = own;
    const shown = view();
    byID('map').hidden = shown !== 'map';
    byID('results').hidden = shown === 'map';
    if (shown === 'map') map.load().catch((error) => say(error.message, true));
    if (query.isEmpty) {
        last = [];
        map.light([]);
        byID('kept').textContent = '';
        say('');
        return showWelcome(index);
    }
    const grouped = shown === 'groups';
    const count = steps[shown][step];
    const types = chosenTypes();
    const since = Number(byID('since').value);
    const threshold = Number(byID('threshold').value) / 100;
    const under = byID('under').value.trim();
    const size = sizes[byID('size').value] ?? index.dimensions;
    byID('results').setAttribute('aria-busy', 'true');
    try {
        const found = await call('/search/v1/query', {
            ...query.request,
            ...(grouped ? { topPerType: count } : { top: count }),
            ...(types.length ? { types } : {}),
            ...(since ? { since: new Date(Date.now() - since * 86_400_000).toISOString() } : {}),
            ...(under ? { under: [under] } : {}),
            ...(threshold >= 0 ? { threshold } : {}),
            ...(size < index.dimensions ? { dimensions: size } : {}),
        }, own.signal);
        last = found.results;
        const isFull = grouped
            ? Object.keys(media).some((type) => last.filter((item) => item.type === type).length === count)
            : last.length === count;
        const canGrow = step + 1 < steps[shown].length;
        const number = showResults(last, { grouped, like, more: isFull && canGrow ? () => { step += 1; search(); } : undefined });
        map.light(last);
        byID('kept').textContent = size < index.dimensions
            ? `${Math.round(found.kept * 100)} % of what ${index.dimensions.toLocaleString('en')} values find.` : 'All values count.';
        // The views cut at different places, so that they have different numbers of results; copies are one.
        const cut = isFull ? `, the best${grouped ? ' of each medium' : ''} alone` : '';
        say(number ? `${counted(number, 'result')}${cut}${size < index.dimensions ? `, by ${size} values` : ''}` : 'Nothing was found.');
    } catch (error) {
        if (error.name === 'AbortError') return;
        say(error.message, true);
    } finally {
        if (current === own) byID('results').removeAttribute('aria-busy');
    }
}

function like(item, sign) {
    query.addTerm(item, sign);
    byID('text').focus({ preventScroll: true });
    scrollTo({ top: 0, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
}

/** A dot of the map. */
async function openItem(id) {
    try {
        const item = last.find((one) => one.id === id) ?? await call(`/search/v1/items/${id}`);
        byID('mapItem').replaceChildren(card(item, { like, best: last[0]?.score ?? 1 }));
        byID('mapItem').scrollIntoView({ block: 'nearest' });
    } catch (error) {
        say(error.message, true);
    }
}

// MARK: The address keeps what can be written into it; it is never sent.

function remember() {
    const fields = new URLSearchParams();
    if (query.text) fields.set('q', query.text);
    if (view() !== 'groups') fields.set('view', view());
    for (const type of chosenTypes()) fields.append('type', type);
    const text = fields.toString();
    history.replaceState(null, '', text ? `#${text}` : location.pathname);
}

async function recall() {
    const fields = new URLSearchParams(location.hash.slice(1));
    byID('text').value = fields.get('q') ?? '';
    const wanted = document.querySelector(`#views input[value="${CSS.escape(fields.get('view') ?? 'groups')}"]`);
    if (wanted) wanted.checked = true;
    for (const box of document.querySelectorAll('#types input')) box.checked = fields.getAll('type').includes(box.value);
    for (const [name, sign] of [['more', 1], ['less', -1]]) {
        for (const id of fields.getAll(name).filter((one) => /^\d+$/.test(one))) {
            try {
                const item = await call(`/search/v1/items/${id}`);
                query.addTerm({ ...item, title: `${item.path.split('/').pop()}${item.place ? `, ${item.place}` : ''}` }, sign);
            } catch (error) {
                say(error.message, true);
            }
        }
    }
}

// MARK: The page's own things

function prepare() {
    showSummary();
    byID('types').append(...Object.keys(media).filter((type) => index.items[type]).map((type) => element('label', { class: type },
        element('input', { type: 'checkbox', value: type }), element('span', {}, icon(type), media[type][1]))));
    byID('roots').append(...index.roots.map((root) => element('option', { value: root })));
    const usable = sizes.filter((size) => size < index.dimensions);
    sizes.splice(0, sizes.length, ...usable, index.dimensions);
    byID('size').max = sizes.length - 1;
    byID('size').value = sizes.length - 1;
    showValues();
    const others = index.queryTypes.filter((type) => type !== 'text');
    const words = { image: 'picture', audio: 'sound', video: 'film', document: 'PDF' };
    byID('hint').textContent = others.length
        ? `Type, or paste or drop a ${others.map((type) => words[type]).join(', ').replace(/, ([^,]*)$/, ' or $1')}; several together are one query.`
        : 'The model of this index takes texts.';
    if (!others.length) byID('attach').hidden = true;
    byID('file').accept = others.map((type) => (type === 'document' ? 'application/pdf' : `${type}/*`)).join(',') + ',text/*';
    if (index.queryTypes.includes('audio')) offerRecording((file) => query.addFiles([file]), (text) => say(text, true));
}

/** The button that brings the index up to date, where the server lets it. */
function offerUpdate() {
    const button = byID('update');
    button.hidden = !index.indexing.isAllowed;
    button.addEventListener('click', async () => {
        try {
            await call('/search/v1/index:update', {});
            watch();
        } catch (error) {
            say(error.message, true);
        }
    });
    if (index.indexing.isRunning) watch();
}

async function watch() {
    byID('update').disabled = true;
    for (;;) {
        const { indexing } = await call('/search/v1/index');
        if (!indexing.isRunning) {
            byID('update').disabled = false;
            index = await call('/search/v1/index');
            showSummary();
            map.forget();
            await search();
            return say(`The index is up to date: ${indexing.report ?? 'done.'}`);
        }
        say(indexing.total ? `Indexing: ${indexing.files} of ${counted(indexing.total, 'file')}` : 'Looking through the folders');
        await new Promise((resolve) => setTimeout(resolve, 500));
    }
}

function showSummary() {
    const count = Object.values(index.items).reduce((sum, one) => sum + one, 0);
    byID('summary').textContent = `${counted(count, 'item')} in ${counted(index.files, 'file')} · ${index.model}`;
    byID('problemCount').hidden = !index.problems;
    byID('problemCount').textContent = `${counted(index.problems, 'file')} with problems`;
}

function showValues() {
    byID('sizeValue').textContent = `${(sizes[byID('size').value] ?? 0).toLocaleString('en')} values`;
    const threshold = Number(byID('threshold').value);
    byID('thresholdValue').textContent = threshold < 0 ? 'any' : (threshold / 100).toFixed(2);
    byID('size').setAttribute('aria-valuetext', byID('sizeValue').textContent);
    byID('threshold').setAttribute('aria-valuetext', byID('thresholdValue').textContent);
}

function listen() {
    byID('form').addEventListener('submit', (event) => {
        event.preventDefault();
        changed(true);
    });
    byID('text').addEventListener('input', () => changed());
    for (const box of document.querySelectorAll('#views input, #types input, #since')) box.addEventListener('change', () => changed(true));
    for (const slider of [byID('size'), byID('threshold')]) {
        slider.addEventListener('input', () => {
            showValues();
            changed();
        });
    }
    byID('under').addEventListener('change', () => changed(true));
    byID('problemCount').addEventListener('click', () => openProblems().catch((error) => say(error.message, true)));
    byID('attach').addEventListener('click', () => byID('file').click());
    byID('file').addEventListener('change', async () => {
        await add(byID('file').files);
        byID('file').value = '';
    });
    document.addEventListener('paste', (event) => {
        if (!event.clipboardData?.files.length) return;
        event.preventDefault();
        add(event.clipboardData.files);
    });
    const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
    document.addEventListener('dragover', (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        byID('drop').hidden = false;
    });
    document.addEventListener('dragleave', (event) => {
        if (!event.relatedTarget) byID('drop').hidden = true;
    });
    document.addEventListener('drop', (event) => {
        byID('drop').hidden = true;
        if (!hasFiles(event)) return;
        event.preventDefault();
        add(event.dataTransfer.files);
    });
    document.addEventListener('keydown', (event) => {
        // As in many places: a slash goes to the box.
        if (event.key !== '/' || event.target.matches('input:not([type=radio], [type=checkbox], [type=range]), select')) return;
        event.preventDefault();
        byID('text').focus();
    });
    addEventListener('hashchange', () => location.reload());
}

async function add(files) {
    try {
        await query.addFiles([...files]);
    } catch (error) {
        say(error.message, true);
    }
}

try {
    const key = new URLSearchParams(location.hash.slice(1)).get('key');
    if (key) {
        keepKey(key);
        const rest = new URLSearchParams(location.hash.slice(1));
        rest.delete('key');
        history.replaceState(null, '', `#${rest}`);
    }
    index = await call('/search/v1/index');
    prepare();
    await recall();
    listen();
    offerUpdate();
    byID('text').focus();
    clearTimeout(timer);
    await search();
    document.body.dataset.ready = 'true';
} catch (error) {
    say(error.message, true);
}
