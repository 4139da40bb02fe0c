// The server's JSON, with the key where it wants one.

import { byID } from './dom.js';

const stored = 'castor-key';

/** One that came with the address, from `castor search --open`. */
export const keepKey = (key) => sessionStorage.setItem(stored, key);

/** What the server says instead of an answer. */
export class ServerError extends Error {
    constructor(status, body) {
        super(body?.error?.message?.trim() || `The server answered with ${status}.`);
        this.status = status;
        this.wantsKey =
            (status === 403 && /unregistered callers/.test(this.message)) ||
            (status === 400 && /API key not valid/.test(this.message));
    }
}

/** GET, or POST where there is a body. Asks for the key where one is missing, once for all calls that wait for it. */
export async function call(path, body, signal) {
    for (;;) {
        try {
            return await once(path, body, signal);
        } catch (error) {
            if (!error.wantsKey) throw error;
            await askForKey(sessionStorage.getItem(stored) !== null);
        }
    }
}

async function once(path, body, signal) {
    const headers = {};
    const key = sessionStorage.getItem(stored);
    if (key) headers['x-goog-api-key'] = key;
    if (body !== undefined) headers['content-type'] = 'application/json';
    let reply;
    try {
        reply = await fetch(path, {
            method: body === undefined ? 'GET' : 'POST', headers, signal,
            body: body === undefined ? undefined : JSON.stringify(body),
        });
    } catch (error) {
        if (error.name === 'AbortError') throw error;
        throw new Error('The server does not answer. Is castor serve running?');
    }
    const text = await reply.text();
    let json;
    try {
        json = JSON.parse(text);
    } catch {
        json = undefined;
    }
    if (!reply.ok || json === undefined) throw new ServerError(reply.status, json);
    return json;
}

let asking;

function askForKey(wasWrong) {
    asking ??= new Promise((resolve) => {
        sessionStorage.removeItem(stored);
        const dialog = byID('key');
        byID('keyError').textContent = wasWrong ? 'The server does not know this key.' : '';
        byID('keyText').value = '';
        // Without the key there is nothing to go back to.
        dialog.addEventListener('cancel', (event) => event.preventDefault());
        byID('keyForm').onsubmit = () => {
            sessionStorage.setItem(stored, byID('keyText').value.trim());
            asking = undefined;
            resolve();
        };
        dialog.showModal();
    });
    return asking;
}
