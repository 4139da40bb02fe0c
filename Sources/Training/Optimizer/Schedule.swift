import Glibc

/// The learning rate over the steps: a linear rise, then a decay.
package struct Schedule: Sendable, Equatable, Codable {
    package enum Decay: String, Sendable, Codable { case constant, linear, cosine }

    /// The highest learning rate.
    package var peak: Double
    package var decay: Decay
    /// Steps of the rise; step 0 already has 1 / (warmUpSteps + 1) of the peak.
    package var warmUpSteps: Int
    /// Where the decay ends.
    package var totalSteps: Int
    /// Share of the peak that is left there and beyond.
    package var finalShare: Double

    package init(
        peak: Double, decay: Decay = .cosine, warmUpSteps: Int = 0, totalSteps: Int, finalShare: Double = 0
    ) {
        self.peak = peak
        self.decay = decay
        self.warmUpSteps = warmUpSteps
        self.totalSteps = totalSteps
        self.finalShare = finalShare
    }

    /// - Parameter step: counts from 0
    package func rate(at step: Int) -> Double {
        if step < warmUpSteps { return peak * Double(step + 1) / Double(warmUpSteps + 1) }
        let progress = min(1, Double(step - warmUpSteps) / Double(max(1, totalSteps - warmUpSteps)))
        let share =
            switch decay {
            case .constant: 1.0
            case .linear: 1 - progress
            case .cosine: 0.5 * (1 + cos(Double.pi * progress))
            }
        return peak * (finalShare + (1 - finalShare) * (decay == .constant ? 1 : share))
    }
}
