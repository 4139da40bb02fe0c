// The process that renders a document, with nothing else linked: what loads Swift and OpenBLAS for each of many thousand documents spends half of
// the time on that. All of its work is done before main (Sources/System/CPoppler/Child.c).
int main(void) { return 1; }
