// The microphone: a click begins, the next one ends.

import { byID } from './dom.js';

const maxSeconds = 30;

/** Shows the button where this browser has a microphone to offer; `take` gets what was recorded as a file. */
export function offerRecording(take, say) {
    const button = byID('record');
    // Browsers give it to pages of this machine, and over TLS, alone.
    if (!navigator.mediaDevices?.getUserMedia || typeof MediaRecorder === 'undefined') return;
    button.hidden = false;
    const label = button.querySelector('.label');
    let recorder;
    button.addEventListener('click', async () => {
        if (recorder) return recorder.stop();
        let stream;
        try {
            stream = await navigator.mediaDevices.getUserMedia({ audio: true });
        } catch {
            return say('There is no microphone, or this page may not use it.');
        }
        const type = ['audio/webm', 'audio/mp4', 'audio/ogg'].find((one) => MediaRecorder.isTypeSupported(one));
        recorder = new MediaRecorder(stream, type ? { mimeType: type } : {});
        const pieces = [];
        recorder.ondataavailable = (event) => pieces.push(event.data);
        const limit = setTimeout(() => recorder?.stop(), maxSeconds * 1000);
        recorder.onstop = () => {
            clearTimeout(limit);
            for (const track of stream.getTracks()) track.stop();
            const kind = (recorder.mimeType || type || 'audio/webm').split(';')[0];
            recorder = undefined;
            button.classList.remove('recording');
            label.textContent = 'Record';
            if (pieces.length) take(new File(pieces, 'recording', { type: kind }));
        };
        recorder.start();
        button.classList.add('recording');
        label.textContent = 'Stop';
    });
}
