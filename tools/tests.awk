# Reads the events that `swift test --event-stream-output-path` writes, one JSON object a line with sorted names, while they come. Shows a line for
# every suite that ends and every issue in full; at the end, where tests ended by a crash, what was at work and what was said last.
#
# Variables: root, cut off paths; count, the file for "PASSED FAILED"; whole, the file of everything that was said.

# The first string of a name, as it is written.
function raw(line, name,    start, text) {
    start = index(line, "\"" name "\":\"")
    if (!start) return ""
    text = substr(line, start + length(name) + 4)
    match(text, /^([^"\\]|\\.)*/)
    return substr(text, 1, RLENGTH)
}

function plain(text,    out, i, c) {
    out = ""
    while (i = index(text, "\\")) {
        out = out substr(text, 1, i - 1)
        c = substr(text, i + 1, 1)
        text = substr(text, i + 2)
        if (c == "n") out = out "\n    "
        else if (c == "t") out = out "\t"
        else if (c == "u") { out = out "?"; text = substr(text, 5) }
        else if (c != "r") out = out c
    }
    return out text
}

function string(line, name) { return plain(raw(line, name)) }

# Of a function's name, which ends in "/FILE:LINE:COLUMN": without that.
function short(id) { sub(/\/[^\/]*$/, "", id); return id }

function suite_of(id,    suite) {
    suite = short(id)
    if (!sub(/\/[^\/]*$/, "", suite)) sub(/\.[^.]*\(.*$/, "", suite)
    return suite
}

function messages(line,    out, i, text) {
    out = ""
    i = index(line, "\"messages\":")
    line = substr(line, i)
    while (i = index(line, "\"text\":\"")) {
        text = string(line, "text")
        if (text != "") out = out "\n    " text
        line = substr(line, i + 8)
        match(line, /^([^"\\]|\\.)*/)
        line = substr(line, RLENGTH + 1)
    }
    return out
}

function say(text) { print text; fflush() }

function tests(n) { return n == 1 ? "1 test" : n " tests" }

# A suite, or what stands outside of all, where functions of it have ended.
function close_suite(id, after) {
    if (!(id in ended)) return
    say((bad[id] ? "FAILED " bad[id] " of " : "") tests(ended[id]) (bad[id] ? ": " : " passed: ") id (after == "" ? "" : ", " after))
    delete ended[id]
}

/"payload":{"id":/ {
    if (raw($0, "kind") == "test" && /"kind":"function"/) functions[string($0, "id")] = 1
    next
}

/"kind":"runStarted"/ { begun = 1; next }
/"kind":"runEnded"/ { over = 1; next }

/"kind":"testStarted"/ {
    id = string($0, "testID")
    if (id in functions) { order[++starts] = id; working[id] = starts }
    next
}

/"kind":"testSkipped"/ {
    id = string($0, "testID")
    if (!(id in functions)) skipped[id] = 1
    else if (suite_of(id) in skipped) next
    text = string($0, "text")
    sub(/^[^:]*: */, "", text)
    gsub(/^"|"$/, "", text)
    say("skipped: " (id in functions ? short(id) : id) (text == "" ? "" : ", " text))
    next
}

/"kind":"issueRecorded"/ {
    id = string($0, "testID")
    known = /"isKnown":true/
    real = /"isFailure":true/
    if (known) next
    if (real) { if (id in functions) broken[id] = 1; else loose++ }
    path = string($0, "filePath")
    if (root != "" && index(path, root) == 1) path = substr(path, length(root) + 1)
    place = path
    if (match($0, /"line":[0-9]+/)) place = place ":" substr($0, RSTART + 7, RLENGTH - 7)
    say((real ? "FAILED " : "warning: ") (id in functions ? short(id) : id == "" ? "outside of a test" : id) "\n    " place messages($0))
    next
}

/"kind":"testEnded"/ {
    id = string($0, "testID")
    if (id in functions) {
        suite = suite_of(id)
        ended[suite]++
        if (id in broken) { bad[suite]++; failed++ } else passed++
        delete working[id]
        next
    }
    text = string($0, "text")
    close_suite(id, match(text, /after [0-9.]+ seconds/) ? substr(text, RSTART + 6, RLENGTH - 13) "s" : "")
    next
}

# What the log has of a crash: its message, and the thread that crashed. Where it has none, its end.
function crash(    line, lines, text, first, thread, last) {
    while ((getline line <whole) > 0) {
        text[++lines] = line
        if (line ~ /Fatal error|^\*\*\* Program crashed/ && (!first || line ~ /Fatal error/)) first = lines
        if (line ~ /^Thread .* crashed:/) thread = lines
        if (line ~ /^Registers:/) last = lines
    }
    close(whole)
    if (!first) { show(text, lines - 60, lines); return }
    if (thread <= first) { show(text, first, first + 60); return }
    show(text, first, thread <= first + 4 ? thread - 1 : first + 3)
    show(text, thread, (last > thread && last < thread + 40 ? last : thread + 40) - 1)
}

function show(text, from, to,    i) {
    for (i = from; i <= to; i++) if (i in text) print "    " text[i]
}

# Parametrized tests: the arguments are in the log alone.
function arguments(    line, n) {
    while ((getline line <whole) > 0) {
        if (line !~ / recorded an issue with [0-9]+ argument/ || ++n > 40) continue
        if (n == 1) print "With these arguments:"
        sub(/^[^T]*Test /, "", line)
        print "    " line
    }
    close(whole)
}

END {
    if (begun) {
        for (id in ended) close_suite(id, "")
        failed += loose
        if (failed && whole != "") arguments()
        if (!over) {
            print "The tests ended in the middle. At work were, the last begun first:"
            for (i = starts; i > 0 && shown < 20; i--) {
                if (!(order[i] in working)) continue
                print "    " short(order[i])
                shown++
            }
            for (id in working) failed++
            if (!failed) failed = 1
            if (whole != "") { print "What was said last:"; crash() }
        }
        printf "%d %d\n", passed, failed >count
        close(count)
    }
}
