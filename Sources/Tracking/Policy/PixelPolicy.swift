/// Where the pixel goes.
public enum PixelPolicy: String, Sendable, CaseIterable {
    /// The end of the body; the top where the part exceeds ``TransformLimits/pixelOnTopOctets``.
    case auto
    /// The end of the body.
    case bottom
    /// Right behind `<body>`.
    case top
}

/// What happens to a link whose text is its own address.
public enum LabelPolicy: String, Sendable, CaseIterable {
    /// Tracked like any other.
    case track
    /// Left alone: some filters call a text that differs from its address phishing.
    case leave
}
