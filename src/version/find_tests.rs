//! Banners of real tools, and texts that only look like ones.

use proptest::prelude::*;

use super::*;

/// What the tool prints, and the version in it.
const BANNERS: &[(&str, &str)] = &[
    ("samtools 1.16.1\nUsing htslib 1.16", "1.16.1"),
    ("Using htslib 1.16\nbcftools 1.16+htslib-1.16", "1.16"),
    (
        "bcftools 1.16+htslib-1.16\nUsing htslib 1.16",
        "1.16+htslib-1.16",
    ),
    (
        "R version 4.2.2 (2022-10-31) -- \"Innocent and Trusting\"",
        "4.2.2",
    ),
    (
        "openjdk version \"1.8.0_352\"\nOpenJDK Runtime Environment",
        "1.8.0_352",
    ),
    ("openjdk version \"17.0.5\" 2022-10-18", "17.0.5"),
    ("openjdk version \"17\" 2021-09-14", "17"),
    ("Python 3.11.2", "3.11.2"),
    ("Python 2.7.18 :: Anaconda, Inc.", "2.7.18"),
    (
        "\nThis is perl 5, version 36, subversion 0 (v5.36.0) built for x86_64-linux-gnu-thread-multi",
        "5.36.0",
    ),
    ("bedtools v2.30.0", "2.30.0"),
    ("PLINK v1.90b6.24 64-bit (6 Jun 2021)", "1.90b6.24"),
    ("PLINK v2.00a3.7LM 64-bit Intel (24 Oct 2022)", "2.00a3.7LM"),
    (
        "The Genome Analysis Toolkit (GATK) v4.1.9.0\nHTSJDK Version: 2.23.0",
        "4.1.9.0",
    ),
    (
        "\nProgram: bwa (alignment via Burrows-Wheeler transformation)\nVersion: 0.7.17-r1188",
        "0.7.17-r1188",
    ),
    ("VCFtools (0.1.16)", "0.1.16"),
    ("manta 1.6.0", "1.6.0"),
    ("WHAM Version 0.1.5", "0.1.5"),
    ("git version 2.39.2", "2.39.2"),
    ("gcc (Debian 12.2.0-14) 12.2.0", "12.2.0-14"),
    ("bwa-mem2 2.2.1", "2.2.1"),
    ("2.24-r1122", "2.24-r1122"),
    ("minimap2 2.24-r1122", "2.24-r1122"),
    ("STAR 2.7.10a", "2.7.10a"),
    (
        "curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.15",
        "7.88.1",
    ),
    (
        "OpenSSL 3.0.15 3 Sep 2024 (Library: OpenSSL 3.0.15 3 Sep 2024)",
        "3.0.15",
    ),
    ("OpenSSL 1.1.1w  11 Sep 2023", "1.1.1w"),
    (
        "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)",
        "5.2.15",
    ),
    ("Picard 2.27.5", "2.27.5"),
    ("Version:2.27.5", "2.27.5"),
    (
        "Docker version 20.10.24+dfsg1, build 297e128",
        "20.10.24+dfsg1",
    ),
    ("nextflow version 22.10.4.5836", "22.10.4.5836"),
    ("Cromwell 84", "84"),
    ("cromwell 84-f1c2d3e-SNAP", "84-f1c2d3e-SNAP"),
    ("84\n", "84"),
    ("Delly version: v1.1.6\n using Boost: v1.74.0", "1.1.6"),
    ("snakemake 7.18.2", "7.18.2"),
    ("7.18.2\n", "7.18.2"),
    ("CNVnator v0.4.1", "0.4.1"),
    ("melt 2.0.5", "2.0.5"),
    ("v2.0.5-12-g1a2b3c4-dirty", "2.0.5-12-g1a2b3c4-dirty"),
    ("FastQC v0.11.9", "0.11.9"),
    ("salmon 1.9.0", "1.9.0"),
    ("Trimmomatic 0.39", "0.39"),
    ("trimmomatic-0.39.jar", "0.39"),
    ("multiqc, version 1.13", "1.13"),
    (
        "3.40.1 2022-12-28 14:03:47 df5c253c0b3dd24916e4ec7cf77d3db5294cc9fd",
        "3.40.1",
    ),
    ("nginx version: nginx/1.22.1", "1.22.1"),
    (
        "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=d5bb2f9ec9e8a7d4",
        "7.0.15",
    ),
    ("mawk 1.3.4 20200120", "1.3.4"),
    ("awk: mawk 1.3.4 20200120", "1.3.4"),
    ("GNU Awk 5.2.1, API 3.2, PMA Avon 8-g1", "5.2.1"),
    (
        "OpenSSH_9.2p1 Debian-2+deb12u2, OpenSSL 3.0.11 19 Sep 2023",
        "9.2p1",
    ),
    ("ldd (Debian GLIBC 2.36-9+deb12u4) 2.36", "2.36-9+deb12u4"),
    ("tar (GNU tar) 1.34", "1.34"),
    (
        "*** zstd command line interface 64-bits v1.5.4, by Yann Collet ***",
        "1.5.4",
    ),
    (
        "bzip2, a block-sorting file compressor.  Version 1.0.8, 13-Jul-2019.",
        "1.0.8",
    ),
    ("xz (XZ Utils) 5.4.1\nliblzma 5.4.1", "5.4.1"),
    (
        "UnZip 6.00 of 20 April 2009, by Debian. Original by Info-ZIP.",
        "6.00",
    ),
    ("rsync  version 3.2.7  protocol version 31", "3.2.7"),
    ("GNU Wget 1.21.3 built on linux-gnu.", "1.21.3"),
    ("go version go1.19.8 linux/amd64", "1.19.8"),
    ("SnpEff\tSnpEff 5.1d\t2022-04-19", "5.1d"),
    ("muscle 5.1.linux64 [12f0e2]", "5.1"),
    (
        "blastn: 2.12.0+\n Package: blast 2.12.0, build Jul 13 2021 09:03:00",
        "2.12.0",
    ),
    ("jq-1.6", "1.6"),
    ("kallisto, version 0.48.0", "0.48.0"),
    (
        "mysql  Ver 15.1 Distrib 10.11.4-MariaDB, for debian-linux-gnu (x86_64)",
        "15.1",
    ),
    ("psql (PostgreSQL) 15.5 (Debian 15.5-0+deb12u1)", "15.5"),
    (
        "cmake version 3.25.1\n\nCMake suite maintained and supported by Kitware",
        "3.25.1",
    ),
    (
        "rustc 1.95.0-nightly (a1b2c3d4e 2026-01-02)",
        "1.95.0-nightly",
    ),
    ("Python 3.13.0rc2", "3.13.0rc2"),
    (
        "pip 23.0.1 from /usr/lib/python3/dist-packages/pip (python 3.11)",
        "23.0.1",
    ),
    ("systemd 252 (252.12-1~deb12u1)", "252.12-1~deb12u1"),
    ("less 590 (GNU regular expressions)", "590"),
    ("conda 4.12.0", "4.12.0"),
    ("bowtie2-align-s version 2.5.1\n64-bit", "2.5.1"),
    ("/usr/local/bin/hisat2-align-s version 2.2.1", "2.2.1"),
    ("2022-10-31 12:00:01.5 INFO tool 1.4.2 starts", "1.4.2"),
    (
        "[2022-10-31 12:00:01] listening on 127.0.0.1:80\nserver 2.4.1",
        "2.4.1",
    ),
    ("version 127.0.0.1", "127.0.0.1"),
    (
        "Using GATK jar /gatk/gatk-package-4.1.8.0-local.jar\nRunning:\n    java -Dlevel=2 -jar \
         /gatk/gatk-package-4.1.8.0-local.jar --version\nThe Genome Analysis Toolkit (GATK) v4.1.9.0",
        "4.1.9.0",
    ),
    ("N E X T F L O W  ~  version 22.10.4", "22.10.4"),
    ("package 2.0.dev1.", "2.0.dev1"),
    ("it is version 3.2.", "3.2"),
];

#[test]
fn banners() {
    assert!(BANNERS.len() >= 60);
    for (banner, version) in BANNERS {
        let found = find_version(banner);
        let text = found.as_ref().map(|found| found.version.text());
        assert_eq!(text, Some(*version), "{banner}");
        let range = found.unwrap().range;
        assert_eq!(&banner[range], *version, "{banner}");
    }
}

#[test]
fn no_version() {
    let table = [
        "",
        "\n\n",
        "command not found",
        "2022-10-31",
        "20220110",
        "2022-10-31 14:03:47",
        "built on 31.10.2022",
        "12:30:01.25",
        "x86_64",
        "libc6",
        "gawk x86_64-linux",
        "listening on 127.0.0.1:8080",
        "listening on 192.168.1.17",
        "/opt/tool-1.2/bin/tool: no such file",
        "tool: python3.11: no such file",
        "error: 404",
        "took 0.5s",
        "uses 1.5GB of memory",
        "100.0% done",
        "libssl.so.1.1: cannot open shared object file",
        "exited with 1",
        "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by samtools)",
        "Error: Unable to access jarfile /opt/tool-1.2.jar",
        "see https://example.org/tool-1.2.html",
        "bash: line 1: samtools: command not found",
        "ä1.2",
    ];
    for text in table {
        assert_eq!(find_version(text), None, "{text}");
    }
    // Takes long where every number looks back to the beginning.
    assert_eq!(find_version(&"é1".repeat(200_000)), None);
    let long = format!("tool {}.1", "9".repeat(100_000));
    assert_eq!(find_version(&long), None);
}

proptest! {
    #[test]
    fn any_text_can_be_searched(text in "(.|\\n)*") {
        find_version(&text);
    }

    #[test]
    fn what_is_found_is_a_version(text in "[a-c v0-9._+~:/ -]{0,40}") {
        if let Some(found) = find_version(&text) {
            let token = &text[found.range];
            prop_assert_eq!(Version::parse(token), Some(found.version));
        }
    }
}
