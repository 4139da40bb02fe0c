import Logging
import ServerState

/// What the server does on its own with its files and batch jobs, as long as it listens.
struct StateWork: Sendable {
    let server: ServerCore

    /// Until its task is cancelled.
    func run() async {
        guard let state = server.options.state else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for file in (try? await state.files.processing()) ?? [] { await state.files.inspect(file, server) }
            }
            group.addTask {
                let work = BatchWork(server: server)
                await BatchRunner(state.batches, onError: note) { chunk in try await work.results(chunk) }.run()
            }
            group.addTask {
                while (try? await Task.sleep(for: .seconds(60))) != nil {
                    do { try await state.removeExpired() } catch { note(error) }
                }
            }
        }
    }

    @Sendable private func note(_ error: any Error) {
        // Types only: a description may quote what a client sent.
        server.logger.error("background work failed", metadata: ["type": "\(type(of: error))"])
    }
}
