// What is looked for: the text in the box, files beside it, items of which more or less is wanted.

import { byID, element, icon, media } from './dom.js';

/** Bytes of one file; the server's own limit is for the whole request, in base64. */
const maxFileBytes = 70_000_000;
const maxTextLetters = 20_000;

export class Query {
    #files = [];
    #terms = [];
    #changed;
    #say;

    /**
     * @param changed called when something was added or taken away
     * @param say shows a message
     */
    constructor(changed, say) {
        this.#changed = changed;
        this.#say = say;
    }

    get text() {
        return byID('text').value.trim();
    }

    get isEmpty() {
        return !this.text && !this.#files.length && !this.#terms.some((term) => term.sign > 0);
    }

    /** The fields of a request that say what is looked for. */
    get request() {
        const parts = this.#files.map((file) => file.part);
        if (this.text) parts.push({ text: this.text });
        const terms = (sign) => this.#terms.filter((term) => term.sign === sign).map((term) => ({ item: term.item.id }));
        return { ...(parts.length ? { content: { parts } } : {}), more: terms(1), less: terms(-1) };
    }

    get wants() {
        return this.#terms.filter((term) => term.sign > 0).map((term) => term.item.id);
    }

    /** More (1) or less (-1) like an item; what was asked of it before is replaced. */
    addTerm(item, sign) {
        this.#terms = this.#terms.filter((term) => term.item.id !== item.id);
        this.#terms.push({ item, sign });
        this.#show();
    }

    /** Files as they are chosen, dropped, pasted or recorded. */
    async addFiles(files) {
        for (const file of files) {
            if (file.size > maxFileBytes) {
                this.#say(`${file.name} is too large to search with: ${Math.round(file.size / 1e6)} MB.`);
            } else if (/^(text\/|application\/(json|xml))/.test(file.type)) {
                const text = (await file.text()).slice(0, maxTextLetters);
                this.#files.push({ name: file.name, kind: 'text', part: { text } });
            } else {
                const data = await base64(file);
                const kind = file.type === 'application/pdf' ? 'document' : file.type.split('/')[0];
                this.#files.push({
                    name: file.name || 'pasted', kind: media[kind] ? kind : 'document',
                    part: { inlineData: { data, ...(file.type ? { mimeType: file.type.split(';')[0] } : {}) } },
                    url: kind === 'image' ? URL.createObjectURL(file) : undefined,
                });
            }
        }
        this.#show();
    }

    #show() {
        const remove = (from, entry) => {
            from.splice(from.indexOf(entry), 1);
            if (entry.url) URL.revokeObjectURL(entry.url);
            this.#show();
            byID('text').focus();
        };
        const chips = [
            ...this.#files.map((file) => chip(
                file.url ? element('img', { src: file.url, alt: '' }) : icon(file.kind),
                file.name, `Remove ${file.name}`, () => remove(this.#files, file), '')),
            ...this.#terms.map((term) => chip(
                element('span', { class: 'sign', 'aria-hidden': 'true' }, term.sign > 0 ? '+' : '−'),
                `${term.sign > 0 ? 'more' : 'less'} like ${term.item.title}`,
                `Remove: ${term.sign > 0 ? 'more' : 'less'} like ${term.item.title}`,
                () => remove(this.#terms, term), term.sign > 0 ? 'plus' : 'minus')),
        ];
        const list = byID('parts');
        list.replaceChildren(...chips);
        list.hidden = !chips.length;
        this.#changed();
    }
}

function chip(picture, text, label, remove, kind) {
    return element('li', { class: `chip ${kind}` }, picture, element('span', { class: 'chipText' }, text),
        element('button', { type: 'button', 'aria-label': label, onclick: remove }, '×'));
}

function base64(file) {
    return new Promise((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
        reader.onerror = () => reject(new Error(`${file.name} cannot be read.`));
        reader.readAsDataURL(file);
    });
}
