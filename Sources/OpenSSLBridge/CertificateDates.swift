import COpenSSL

/// When certificates end.
public enum CertificateDates {
    /// Days until the first certificate of a PEM file ends, less than 0 when it has; `nil` where there is none to read.
    public static func daysLeft(file: String) -> Int? {
        guard let bio = BIO_new_file(file, "r") else {
            ERR_clear_error()
            return nil
        }
        defer { BIO_free(bio) }
        guard let certificate = PEM_read_bio_X509(bio, nil, nil, nil) else {
            ERR_clear_error()
            return nil
        }
        defer { X509_free(certificate) }
        return daysLeft(certificate)
    }

    static func daysLeft(_ certificate: OpaquePointer) -> Int? {
        var (days, seconds): (Int32, Int32) = (0, 0)
        // Without a first time: from now.
        guard ASN1_TIME_diff(&days, &seconds, nil, X509_get0_notAfter(certificate)) == 1 else { return nil }
        return Int(days)
    }
}
